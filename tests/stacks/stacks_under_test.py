"""The stacks as their own files configure them, built once for all tests."""

from functools import cache

from apps.catalog import CATALOG
from components.data.config import ArchiveConfig
from delivery.recording import Graph, build
from stacks import account, environment
from stacks.config import EnvironmentConfig, load_account, load_environment


@cache
def environment_graph(stack: str, *, preview: bool = False) -> Graph:
    """All that dev or prod declares."""
    return build(lambda: environment.deploy(environment_config(stack), stack), stack=stack, preview=preview)


def environment_config(stack: str, **images: str) -> EnvironmentConfig:
    """The configuration of an environment, with a made-up digest of each image that was never built."""
    return with_every_image(load_environment(stack), **images)


def with_every_image(config: EnvironmentConfig, **images: str) -> EnvironmentConfig:
    """A configuration with all that may be on, and a made-up digest of each image that was never built."""
    made_up = {image: f"registry/{image}@sha256:{'0' * 64}" for image in CATALOG.images}
    archive = config.archive or ArchiveConfig()
    return config.model_copy(update={"archive": archive, "images": {**made_up, **config.images, **images}})


@cache
def account_graph(stack: str = "bootstrap", *, preview: bool = False) -> Graph:
    """All that the stack of an account declares; dev's unless another is named."""
    return build(lambda: account.deploy(load_account(stack), stack), stack=stack, preview=preview)
