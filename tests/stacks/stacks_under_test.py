"""The stacks as their own files configure them, built once for all tests."""

from functools import cache

from stacks import bootstrap, environment
from stacks.config import BootstrapConfig, EnvironmentConfig, load, written
from stacks.recording import Graph, build


def environment_config(stack: str) -> EnvironmentConfig:
    """The configuration of dev or prod."""
    return load(EnvironmentConfig, stack, "environment", written(stack, "environment"))


@cache
def environment_graph(stack: str, *, preview: bool = False) -> Graph:
    """All that dev or prod declares."""
    return build(lambda: environment.deploy(environment_config(stack), stack), stack=stack, preview=preview)


@cache
def bootstrap_graph(stack: str = "bootstrap", *, preview: bool = False) -> Graph:
    """All that the stack of an account declares; dev's unless another is named."""
    return build(lambda: bootstrap.deploy(bootstrap_config(stack), stack), stack=stack, preview=preview)


def bootstrap_config(stack: str) -> BootstrapConfig:
    """The configuration of an account."""
    return load(BootstrapConfig, stack, "bootstrap", written(stack, "bootstrap"))
