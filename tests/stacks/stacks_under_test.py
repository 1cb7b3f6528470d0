"""The stacks as their own files configure them, built once for all tests."""

from functools import cache

from delivery.recording import Graph, build
from stacks import account, environment
from stacks.config import AccountConfig, load, load_environment, read_stack_file


@cache
def environment_graph(stack: str, *, preview: bool = False) -> Graph:
    """All that dev or prod declares."""
    return build(lambda: environment.deploy(load_environment(stack), stack), stack=stack, preview=preview)


@cache
def account_graph(stack: str = "bootstrap", *, preview: bool = False) -> Graph:
    """All that the stack of an account declares; dev's unless another is named."""
    return build(lambda: account.deploy(account_config(stack), stack), stack=stack, preview=preview)


def account_config(stack: str) -> AccountConfig:
    """The configuration of an account."""
    return load(AccountConfig, stack, "bootstrap", read_stack_file(stack, "bootstrap"))
