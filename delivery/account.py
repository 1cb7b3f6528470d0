"""The account in which a stack lies, as boto3 reaches it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3

from delivery.errors import AccountError
from stacks.config import EnvironmentConfig

Clients = Callable[[str], Any]
"""Name of a service -> boto3's client of it."""


def clients(config: EnvironmentConfig, stack: str) -> Clients:
    """Return what makes clients of the stack's region by the shell's identity.

    The first one raises AccountError where that identity is of another account than the stack.
    """
    session = boto3.Session(region_name=config.region)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=config.emulator)  # type: ignore[call-overload] # any service

    @cache
    def identity() -> str:
        account: str = client("sts").get_caller_identity()["Account"]
        return account

    def make(service: str) -> Any:
        if identity() != config.account:
            raise AccountError(f"{stack} lies in account {config.account}, and this shell's identity in {identity()}")
        return client(service)

    return make
