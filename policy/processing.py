"""Jobs on machines of SageMaker, as a schedule asks for them."""

import json
from collections.abc import Iterator
from typing import Any

from policy.check import ResourceCheck
from policy.properties import Properties, as_list, get_path, is_true

SCHEDULE = ("aws:scheduler/schedule:Schedule",)
STARTS = ":aws-sdk:sagemaker:createProcessingJob"


def _job(props: Properties) -> Any:
    """Return what a schedule asks SageMaker for; None where it starts something else."""
    if not str(get_path(props, "target", "arn")).endswith(STARTS):
        return None
    return json.loads(str(get_path(props, "target", "input") or "{}"))


def _closed(props: Properties) -> Iterator[str]:
    job = _job(props)
    if job is None:
        return
    network = get_path(job, "NetworkConfig") or {}
    vpc = get_path(network, "VpcConfig") or {}
    if not (as_list(vpc.get("SecurityGroupIds")) and as_list(vpc.get("Subnets"))):
        yield "runs in a network of SageMaker's, with a way to the internet: NetworkConfig.VpcConfig"
    if not is_true(get_path(network, "EnableInterContainerTrafficEncryption")):
        yield "lets its machines talk in clear: NetworkConfig.EnableInterContainerTrafficEncryption"
    if not get_path(job, "ProcessingResources", "ClusterConfig", "VolumeKmsKeyId"):
        yield "has disks under AWS's key: ProcessingResources.ClusterConfig.VolumeKmsKeyId"


def _known(props: Properties) -> Iterator[str]:
    job = _job(props)
    if job is not None and "@sha256:" not in str(get_path(job, "AppSpecification", "ImageUri")):
        yield "runs an image that may be another tomorrow: AppSpecification.ImageUri with its digest"


def _bounded(props: Properties) -> Iterator[str]:
    job = _job(props)
    if job is not None and not get_path(job, "StoppingCondition", "MaxRuntimeInSeconds"):
        yield "may run, and cost, for days: StoppingCondition.MaxRuntimeInSeconds"


CHECKS = (
    ResourceCheck(
        name="processing-closed",
        description="Jobs of SageMaker run in our network, with encrypted disks, and talk encrypted",
        types=SCHEDULE,
        find=_closed,
    ),
    ResourceCheck(
        name="processing-image", description="Jobs of SageMaker run an image by digest", types=SCHEDULE, find=_known
    ),
    ResourceCheck(
        name="processing-ends", description="Jobs of SageMaker end by themselves", types=SCHEDULE, find=_bounded
    ),
)
