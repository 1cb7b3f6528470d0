"""Forecasts: all of them is one key of the environment's file, on SageMaker or in the cluster."""

import json
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from apps.forecast.service import FORECAST
from apps.forecast.settings import ForecastSettings
from apps.platform.settings import load
from components.account.processing_starter import LOG_GROUP, starter_arn
from components.workload.config import PROCESSORS, ForecastsConfig, MachinesConfig
from components.workload.processing import schedule_expression
from delivery.recording import ACCOUNT, Graph, RecordedResource, build
from stacks import environment
from stacks.config import PROJECT, load_environment
from stacks.github import forecasts_of
from tests.stacks.stacks_under_test import account_graph, environment_config, environment_graph

SCHEDULE = "aws:scheduler/schedule:Schedule"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return environment_graph("prod")


@cache
def graph_with(forecasts: ForecastsConfig | None) -> Graph:
    config = environment_config("dev").model_copy(update={"forecasts": forecasts})
    return build(lambda: environment.deploy(config, "dev"), stack="dev")


def jobs(graph: Graph) -> set[str]:
    return {job.name for job in graph.of("CronJob")}


def job(graph: Graph) -> Any:
    return json.loads(graph.one(SCHEDULE, "forecast").inputs["target"]["input"])


def statements(resource: RecordedResource) -> list[dict[str, Any]]:
    return json.loads(resource.inputs["policy"])["Statement"]  # type: ignore[no-any-return]


def test_without_its_key_nothing_forecasts() -> None:
    graph = graph_with(None)
    assert not {"forecast", "forecast-metrics"} & jobs(graph)
    assert not graph.of(SCHEDULE)
    assert "longterm" in jobs(graph)
    assert load_environment("dev").forecasts is None
    assert not [resource for resource in account_graph().of("LogGroup") if resource.inputs["name"] == LOG_GROUP]


def test_in_the_cluster_a_job_does_every_six_hours() -> None:
    graph = graph_with(ForecastsConfig(runs_on="cluster"))
    spec = graph.one("CronJob", "forecast").inputs["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("10 */6 * * *", "Forbid")
    assert not graph.of(SCHEDULE)


def test_on_sagemaker_the_same_command_runs_in_the_same_image_with_the_same_settings(graph: Graph) -> None:
    assert forecasts_of("prod") == ForecastsConfig()
    assert "forecast" not in jobs(graph)
    request, image = job(graph), environment_config("prod").images["forecast"]
    assert request["AppSpecification"] == {"ImageUri": image, "ContainerEntrypoint": ["python", "-m", FORECAST.module]}
    in_cluster = graph_with(ForecastsConfig(runs_on="cluster")).one("CronJob", "forecast").inputs["spec"]
    (container,) = in_cluster["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == request["AppSpecification"]["ContainerEntrypoint"]
    pods = {variable["name"] for variable in container["env"]} - {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert request["Environment"].keys() == pods | {"PROCESSES"}
    assert load(ForecastSettings, request["Environment"]).processes == 2


def test_sagemaker_takes_what_it_is_asked_for(graph: Graph) -> None:
    """By AWS's own description of the call. What the scheduler puts in is of the length that it may have."""
    request = job(graph)
    request["ProcessingJobName"] = request["ProcessingJobName"].replace("<aws.scheduler.execution-id>", "0" * 36)
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    shape = model.operation_model("CreateProcessingJob").input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    assert len(request["ProcessingJobName"]) <= 63
    assert all(len(value) <= 256 for value in request["Environment"].values())
    offered = model.shape_for("ProcessingInstanceType").enum  # type: ignore[attr-defined]
    assert set(PROCESSORS) <= set(offered)


def test_machines_are_encrypted_bounded_and_in_the_private_subnets(graph: Graph) -> None:
    request = job(graph)
    cluster = request["ProcessingResources"]["ClusterConfig"]
    assert (cluster["InstanceType"], cluster["InstanceCount"]) == ("ml.t3.medium", 1)
    assert cluster["VolumeKmsKeyId"] == graph.one("aws:rds/instance:Instance", "database").inputs["kmsKeyId"]
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": FORECAST.deadline_seconds}
    network = request["NetworkConfig"]
    assert network["EnableInterContainerTrafficEncryption"]
    private = {f"{resource.name}-id" for resource in graph.of("aws:ec2/subnet:Subnet") if "private" in resource.name}
    assert set(network["VpcConfig"]["Subnets"]) == private
    assert network["VpcConfig"]["SecurityGroupIds"] == [group(graph)]


def group(graph: Graph) -> Any:
    return f"{graph.one('aws:ec2/securityGroup:SecurityGroup', 'forecast').name}-id"


def test_machines_reach_the_database_and_each_other_and_nothing_else(graph: Graph) -> None:
    own = [
        resource.inputs
        for kind in ("Egress", "Ingress")
        for resource in graph.of(f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule")
        if resource.inputs["securityGroupId"] == group(graph)
    ]
    out = {(rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) for rule in own if "cidrIpv4" in rule}
    assert out == {(str(cidr), 5432, 5432) for cidr in private_cidrs(graph)}
    among = [(rule["ipProtocol"], rule.get("fromPort")) for rule in own if "cidrIpv4" not in rule]
    assert sorted(among, key=str) == sorted([("udp", 500), ("50", None)] * 2, key=str)
    admitted = [
        resource.inputs["referencedSecurityGroupId"]
        for resource in graph.of("SecurityGroupIngressRule")
        if resource.name.startswith("database-from-")
    ]
    assert group(graph) in admitted


def private_cidrs(graph: Graph) -> list[str]:
    return [subnet.inputs["cidrBlock"] for subnet in graph.of("aws:ec2/subnet:Subnet") if "private" in subnet.name]


def test_machines_log_in_as_their_database_role_and_pull_one_image(graph: Graph) -> None:
    role = graph.one("aws:iam/role:Role", "processing-machines-forecast")
    trusted = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert [statement["Principal"] for statement in trusted] == [{"Service": "sagemaker.amazonaws.com"}]
    policies = [resource for resource in graph.of("RolePolicy") if resource.inputs["role"] == role.outputs["name"]]
    allowed = {
        action: statement["Resource"]
        for policy in policies
        for statement in statements(policy)
        for action in statement["Action"]
    }
    (connects,) = allowed["rds-db:connect"]
    assert connects.endswith("/forecast")
    assert allowed["ecr:BatchGetImage"] == [f"arn:aws:ecr:eu-west-1:{account('prod')}:repository/{PROJECT}/forecast"]
    assert allowed["logs:PutLogEvents"] == [f"arn:aws:logs:eu-west-1:{account('prod')}:log-group:{LOG_GROUP}:*"]
    assert not [action for action in allowed if action.startswith(("iam:", "s3:", "sagemaker:", "secretsmanager:"))]


def account(stack: str) -> str:
    return load_environment(stack).account


def test_the_scheduler_starts_jobs_as_a_role_of_the_account_that_passes_on_the_machines_alone(graph: Graph) -> None:
    schedule = graph.one(SCHEDULE, "forecast").inputs
    assert schedule["name"] == f"{PROJECT}.prod.forecast"
    assert schedule["scheduleExpression"] == "cron(10 0/6 * * ? *)"
    assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob"
    assert schedule["target"]["roleArn"] == starter_arn(PROJECT, account("prod"), "prod")
    retained = account_graph("bootstrap-prod")
    starter = retained.one("aws:iam/role:Role", "starter-prod")
    assert starter.outputs["arn"].replace(ACCOUNT, account("prod")) == schedule["target"]["roleArn"]
    (policy,) = [
        resource for resource in retained.of("RolePolicy") if resource.inputs["role"] == starter.outputs["name"]
    ]
    allowed = {action: statement for statement in statements(policy) for action in statement["Action"]}
    assert set(allowed) == {"sagemaker:CreateProcessingJob", "iam:PassRole", "kms:CreateGrant"}
    (passed,) = allowed["iam:PassRole"]["Resource"]
    role = graph.one("aws:iam/role:Role", "processing-machines-forecast")
    assert passed.endswith(f":role{role.inputs['path']}processing-machines-*")
    assert job(graph)["ProcessingJobName"].startswith("prod-forecast-<")
    assert allowed["sagemaker:CreateProcessingJob"]["Resource"][0].endswith(":processing-job/prod-*")


def test_where_jobs_log_is_kept_by_the_account_for_a_while_under_our_key() -> None:
    (group,) = [group for group in account_graph("bootstrap-prod").of("LogGroup") if group.inputs["name"] == LOG_GROUP]
    assert group.protect
    assert group.inputs["retentionInDays"] == 30
    assert group.inputs["kmsKeyId"]


def test_a_fleet_that_grows_takes_more_and_larger_machines() -> None:
    request = job(graph_with(ForecastsConfig(machines=MachinesConfig(instance_type="ml.m5.xlarge", instances=3))))
    assert request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3
    assert request["Environment"]["PROCESSES"] == "4"


def test_machines_without_sagemaker_are_refused() -> None:
    with pytest.raises(ValueError, match="leave them out, or say runs_on: sagemaker"):
        ForecastsConfig.model_validate({"runs_on": "cluster", "machines": {"instances": 2}})


@pytest.mark.parametrize(
    ("cron", "aws"),
    [("10 */6 * * *", "cron(10 0/6 * * ? *)"), ("0 13 1 * *", "cron(0 13 1 * ? *)")],
    ids=["every six hours", "each month"],
)
def test_a_schedule_means_the_same_to_eventbridge(cron: str, aws: str) -> None:
    assert schedule_expression(cron) == aws


def test_a_schedule_of_weekdays_is_refused() -> None:
    with pytest.raises(ValueError, match="days of the week"):
        schedule_expression("0 4 * * 1")
