"""The stacks as their own files configure them, built once for all tests."""

from collections.abc import Iterator
from functools import cache

from apps.catalog import CATALOG
from apps.platform.needs import KeepFiles, ReadFiles
from components.data.config import ArchiveConfig
from components.workload.config import DeliveryConfig, ForecastsConfig, MeshConfig, Strategy
from delivery.recording import Graph, build
from stacks import account, environment
from stacks.config import EnvironmentConfig, load_account, load_environment
from stacks.retained import archive_bucket

IN_PODS = ForecastsConfig(runs_on="cluster")


@cache
def environment_graph(stack: str, *, preview: bool = False) -> Graph:
    """All that dev or prod declares."""
    return build(lambda: environment.deploy(environment_config(stack), stack), stack=stack, preview=preview)


@cache
def mesh_graph(stack: str = "prod", strategy: Strategy | None = None, forecasts: ForecastsConfig = IN_PODS) -> Graph:
    """All that an environment declares whose workloads are in a mesh."""
    delivery = DeliveryConfig(strategy=strategy) if strategy else None
    changes = {"mesh": MeshConfig(), "delivery": delivery, "forecasts": forecasts}
    config = environment_config(stack).model_copy(update=changes)
    return build(lambda: environment.deploy(config, stack), stack=stack)


@cache
def graph_in_pods(stack: str) -> Graph:
    """The same with all of the catalogue in pods, where its file has something run beside the cluster."""
    in_pods = environment_config(stack).model_copy(update={"forecasts": IN_PODS})
    if in_pods == environment_config(stack):
        return environment_graph(stack)
    return build(lambda: environment.deploy(in_pods, stack), stack=stack)


def environment_config(stack: str, **images: str) -> EnvironmentConfig:
    """The configuration of an environment, with a made-up digest of each image that was never built."""
    return with_every_image(load_environment(stack), **images)


def with_every_image(config: EnvironmentConfig, **images: str) -> EnvironmentConfig:
    """A configuration with all that may be on, and a made-up digest of each image that was never built."""
    made_up = {image: f"registry/{image}@sha256:{'0' * 64}" for image in CATALOG.images}
    archive = config.archive or ArchiveConfig()
    on = {"archive": archive, "forecasts": config.forecasts or IN_PODS}
    return config.model_copy(update={**on, "images": {**made_up, **config.images, **images}})


@cache
def account_graph(stack: str = "bootstrap", *, preview: bool = False) -> Graph:
    """All that the stack of an account declares; dev's unless another is named."""
    return build(lambda: account.deploy(load_account(stack), stack), stack=stack, preview=preview)


def of_files(need: KeepFiles | ReadFiles, stack: str) -> Iterator[tuple[list[str], str]]:
    """What a need of files allows, on which resource."""
    bucket = f"arn:aws:s3:::{archive_bucket(stack, load_environment(stack).account)}"
    yield ["s3:ListBucket"], bucket
    if isinstance(need, ReadFiles):
        yield from ((["s3:GetObject"], f"{bucket}/{folder}*") for folder in need.folders)
    else:
        yield ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"], f"{bucket}/*"
