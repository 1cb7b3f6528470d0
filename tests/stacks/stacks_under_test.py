"""The stacks as their own files configure them, built once for all tests."""

from functools import cache

from delivery.recording import Graph, build
from stacks import account as bootstrap
from stacks import environment
from stacks.config import BootstrapConfig, environment_of, load, written


@cache
def environment_graph(stack: str, *, preview: bool = False) -> Graph:
    """All that dev or prod declares."""
    return build(lambda: environment.deploy(environment_of(stack), stack), stack=stack, preview=preview)


@cache
def bootstrap_graph(stack: str = "bootstrap", *, preview: bool = False) -> Graph:
    """All that the stack of an account declares; dev's unless another is named."""
    return build(lambda: bootstrap.deploy(bootstrap_config(stack), stack), stack=stack, preview=preview)


def bootstrap_config(stack: str) -> BootstrapConfig:
    """The configuration of an account."""
    return load(BootstrapConfig, stack, "bootstrap", written(stack, "bootstrap"))
