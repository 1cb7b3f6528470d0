"""The whole graph of dev and prod, as their own files configure them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate
import pytest

from apps.catalog import CATALOG
from apps.platform import needs
from apps.platform.declaration import Declaration
from apps.platform.needs import Connect, Consume, MeasureDatabase, OwnDatabase, Produce, ReadSecret, RotateSecret
from apps.platform.settings import load as load_settings
from components.cluster.node_groups import TAGGED
from components.network.network import PRIVATE_SERVICES
from delivery.recording import Graph, RecordedResource
from stacks.config import load_environment
from tests.stacks.stacks_under_test import environment_config, environment_graph, graph_in_pods, of_files
from tests.support.stand_ins.charts import every_chart

STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])
PROCESSES = CATALOG.processes
AFTER_JOBS = (*CATALOG.services, *CATALOG.scheduled)
PODS = ("Deployment", "CronJob", "Job")


@pytest.fixture
def graph(stack: str) -> Graph:
    return graph_in_pods(stack)


def texts(value: object) -> Iterator[str]:
    """Every string inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


def pod_spec(resource: RecordedResource) -> dict[str, Any]:
    spec = resource.inputs["spec"]
    pods: dict[str, Any] = spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]
    return pods


def runs(graph: Graph, name: str) -> RecordedResource:
    """The Deployment, CronJob or Job of a declaration."""
    (found,) = [resource for kind in PODS for resource in graph.of(kind) if resource.name == name]
    return found


def environment(resource: RecordedResource) -> dict[str, str]:
    (container,) = pod_spec(resource)["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def permissions(graph: Graph, name: str) -> dict[str, set[str]]:
    """What the role of a workload may do: action -> resources."""
    roles = [resource for resource in graph.of("aws:iam/role:Role") if resource.name == name]
    allowed: dict[str, set[str]] = {}
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        if roles and policy.inputs["role"] == roles[0].outputs["name"]:
            for statement in json.loads(policy.inputs["policy"])["Statement"]:
                for action in statement["Action"]:
                    allowed.setdefault(action, set()).update(statement["Resource"])
    return allowed


@STACKS
def test_no_text_anywhere_holds_a_value_that_was_missing(graph: Graph) -> None:
    for resource in graph.resources:
        wrong = [text for text in texts(resource.inputs) if re.search(r"\bNone\b|\bnull\b|Output", text)]
        assert not wrong, f"{resource.type} {resource.name}: {wrong}"


@STACKS
def test_a_first_preview_declares_the_same_resources_although_nothing_is_known(stack: str) -> None:
    sure, unsure = environment_graph(stack), environment_graph(stack, preview=True)
    assert {resource.urn for resource in unsure.resources} == {resource.urn for resource in sure.resources}


@STACKS
def test_no_two_resources_have_the_same_name(graph: Graph) -> None:
    assert [urn for urn, count in Counter(resource.urn for resource in graph.resources).items() if count > 1] == []


@STACKS
@pytest.mark.parametrize("declaration", PROCESSES, ids=lambda declaration: declaration.name)
def test_every_process_gets_an_environment_that_its_own_settings_accept(graph: Graph, declaration: Declaration) -> None:
    given = environment(runs(graph, declaration.name))
    settings = load_settings(declaration.settings, given)
    assert getattr(settings, "http_host", "0.0.0.0") == "0.0.0.0"
    assert given.keys() <= {field.upper() for field in declaration.settings.model_fields}


@STACKS
@pytest.mark.parametrize("declaration", PROCESSES, ids=lambda declaration: declaration.name)
def test_every_role_may_do_exactly_what_the_needs_say(graph: Graph, declaration: Declaration) -> None:
    stream = graph.one("aws:kinesis/stream:Stream").outputs["arn"]
    key = graph.one("aws:kinesis/stream:Stream").inputs["kmsKeyId"]
    wanted: dict[str, set[str]] = {}

    def want(actions: list[str], resource: str) -> None:
        for action in actions:
            wanted.setdefault(action, set()).add(resource)

    for need in declaration.needs:
        match need:
            case Produce():
                want(["kinesis:PutRecord", "kinesis:PutRecords"], stream)
                want(["kms:GenerateDataKey"], key)
            case Consume():
                reads = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
                want([f"kinesis:{action}" for action in reads], stream)
                want(["kms:Decrypt"], key)
            case Connect(role=user):
                account = load_environment("dev").account if graph is environment_graph("dev") else "222222222222"
                want(["rds-db:connect"], f"arn:aws:rds-db:eu-west-1:{account}:dbuser:db-EXAMPLE/{user}")
                want(["cloudwatch:GetMetricData"] if isinstance(need, MeasureDatabase) else [], "*")
            case needs.KeepFiles() | needs.ReadFiles():
                for actions, resource in of_files(need, "dev" if graph is environment_graph("dev") else "prod"):
                    want(actions, resource)
                of_key = ["kms:Decrypt", "kms:GenerateDataKey"]
                want(of_key[: 1 if isinstance(need, needs.ReadFiles) else 2], key)
            case RotateSecret(resource=secret):
                copy = graph.one("kubernetes:external-secrets.io/v1:ExternalSecret", secret.name)
                secret_names = {entry["remoteRef"]["key"] for entry in copy.inputs["spec"]["data"]}
                want(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], secret_names.pop())
                want(["kms:Decrypt", "kms:GenerateDataKey"], key)
    assert permissions(graph, declaration.name) == wanted


@STACKS
def test_every_service_account_is_used_by_one_workload_alone(graph: Graph) -> None:
    used = Counter(pod_spec(resource)["serviceAccountName"] for kind in PODS for resource in graph.of(kind))
    assert set(used.values()) == {1}
    assert used.keys() == {resource.inputs["metadata"]["name"] for resource in graph.of("ServiceAccount")}


@STACKS
def test_every_identity_is_of_one_service_account_of_this_cluster(graph: Graph, stack: str) -> None:
    associations = graph.of("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    pods = {(resource.inputs["namespace"], resource.inputs["serviceAccount"]) for resource in associations}
    assert len(pods) == len(associations)
    for resource in associations:
        (role,) = [
            role
            for role in graph.of("aws:iam/role:Role")
            if role.outputs["arn"] == resource.inputs["roleArn"] and role.parent == resource.parent
        ]
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/kubernetes-namespace": resource.inputs["namespace"],
            "aws:RequestTag/kubernetes-service-account": resource.inputs["serviceAccount"],
            "aws:RequestTag/eks-cluster-arn": (
                f"arn:aws:eks:eu-west-1:{load_environment(stack).account}:cluster/sensor-analytics-{stack}"
            ),
        }


@STACKS
def test_every_role_lies_under_the_stacks_path_and_boundary(graph: Graph, stack: str) -> None:
    account = load_environment(stack).account
    for role in graph.of("aws:iam/role:Role"):
        assert role.inputs["path"] == f"/sensor-analytics/{stack}/"
        assert role.inputs["permissionsBoundary"] == f"arn:aws:iam::{account}:policy/sensor-analytics/{stack}-boundary"


@STACKS
def test_every_kubernetes_object_is_valid_for_the_configured_version(graph: Graph, stack: str) -> None:
    version = load_environment(stack).cluster.version
    checked: Counter[str] = Counter()
    for resource in graph.resources:
        kind, group = resource.inputs.get("kind"), resource.inputs.get("apiVersion", "").partition("/")[0]
        if resource.type.startswith("kubernetes:") and kind and "." not in group:
            kubernetes_validate.validate(dict(resource.inputs), version, strict=True)
            checked[kind] += 1
    assert checked.keys() >= {"Deployment", "CronJob", "Job", "Service", "ServiceAccount", "HorizontalPodAutoscaler"}
    assert checked["Deployment"] == len(CATALOG.servers)


@STACKS
def test_a_rehearsal_has_a_stand_in_for_every_chart(graph: Graph) -> None:
    assert {resource.inputs["chart"] for resource in graph.of("Release")} <= every_chart().keys()


@STACKS
def test_nothing_starts_before_what_it_needs(graph: Graph) -> None:
    database = graph.one("aws:rds/instance:Instance", "database")
    first, migration = runs(graph, "seed-secrets"), runs(graph, "migration")
    balancer = next(resource for resource in graph.of("Release") if resource.name == "load-balancer")
    operator = next(resource for resource in graph.of("Release") if resource.name == "external-secrets")
    assert graph.waits_for(migration, database)
    assert graph.waits_for(
        migration, graph.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "database-from-cluster")
    )
    for secret in graph.of("ExternalSecret"):
        assert graph.waits_for(secret, operator)
    for name in ("signing-keys", "operator-token"):
        assert graph.waits_for(graph.one("kubernetes:external-secrets.io/v1:ExternalSecret", name), first)
    for declaration in AFTER_JOBS:
        resource = runs(graph, declaration.name)
        assert graph.waits_for(resource, first)
        assert graph.waits_for(resource, migration)
    for binding in graph.of("TargetGroupBinding"):
        assert graph.waits_for(binding, balancer), "else a destroyed stack leaves targets behind"
        assert graph.waits_for(runs(graph, binding.inputs["metadata"]["name"]), binding)
    for chart in graph.of("Release"):
        assert all(graph.waits_for(chart, resource) for resource in (*graph.of("NodeGroup"), *graph.of("Addon")))


@STACKS
def test_no_pod_starts_before_its_identity_and_all_its_permissions(graph: Graph) -> None:
    for declaration in PROCESSES:
        resource = runs(graph, declaration.name)
        for identity in graph.of("PodIdentity"):
            if identity.name == declaration.name:
                for part in graph.inside(identity):
                    assert graph.waits_for(resource, part), f"{declaration.name} may start before {part.type}"


@STACKS
def test_every_file_that_a_process_reads_is_mounted(graph: Graph) -> None:
    secrets = {resource.inputs["spec"]["target"]["name"]: resource for resource in graph.of("ExternalSecret")}
    mounted, wanted = 0, [n for d in PROCESSES for n in d.needs if isinstance(n, OwnDatabase | ReadSecret)]
    for declaration in PROCESSES:
        resource = runs(graph, declaration.name)
        spec = pod_spec(resource)
        volumes = {volume["name"]: volume.get("secret") for volume in spec["volumes"]}
        paths = {mount["mountPath"]: volumes[mount["name"]] for mount in spec["containers"][0]["volumeMounts"]}
        for variable, value in environment(resource).items():
            if variable.endswith("_FILE") and variable != "DATABASE_CA_FILE":
                folder, _, key = value.rpartition("/")
                source = secrets[paths[folder]["secretName"]]
                assert key in {entry["secretKey"] for entry in source.inputs["spec"]["data"]}
                assert graph.waits_for(resource, source)
                mounted += 1
    assert mounted == len(wanted)


@STACKS
def test_the_services_scale_watch_and_keep_copies_as_declared(graph: Graph, stack: str) -> None:
    changes = load_environment(stack).services
    budgets = {resource.name for resource in graph.of("PodDisruptionBudget")}
    scalers = {resource.name: resource.inputs["spec"] for resource in graph.of("HorizontalPodAutoscaler")}
    for declaration in CATALOG.declarations:
        scale = getattr(declaration, "scale", None)
        if scale is None:
            continue
        change = changes.get(declaration.name)
        minimum, maximum = (
            (change.minimum or scale.minimum, change.maximum or scale.maximum)
            if change
            else (scale.minimum, scale.maximum)
        )
        assert (declaration.name in budgets) == (minimum > 1)
        if maximum > minimum:
            assert (scalers[declaration.name]["minReplicas"], scalers[declaration.name]["maxReplicas"]) == (
                minimum,
                maximum,
            )
            assert "replicas" not in runs(graph, declaration.name).inputs["spec"]
    assert {resource.name for resource in graph.of("ServiceMonitor")} == {
        server.name for server in CATALOG.servers if server.scraped
    }


@STACKS
def test_every_image_is_the_configured_digest(graph: Graph, stack: str) -> None:
    images = set(environment_config(stack).images.values())
    for kind in PODS:
        for resource in graph.of(kind):
            assert {container["image"] for container in pod_spec(resource)["containers"]} <= images


@STACKS
def test_everything_in_aws_carries_the_stacks_tags_and_stays_in_its_account(graph: Graph, stack: str) -> None:
    provider = graph.one("pulumi:providers:aws")
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags == {"project": "sensor-analytics", "stack": stack, "managed-by": "pulumi"}
    assert json.loads(provider.inputs["allowedAccountIds"]) == [load_environment(stack).account]
    # What EC2 and the storage driver make is reached by no default tags.
    specifications = graph.one("LaunchTemplate").inputs["tagSpecifications"]
    assert {resource["resourceType"]: resource["tags"] for resource in specifications} == dict.fromkeys(TAGGED, tags)
    driver = json.loads(graph.one("Addon", "cluster-aws-ebs-csi-driver").inputs["configurationValues"])
    assert driver["controller"]["extraVolumeTags"] == tags
    for resource in graph.resources:
        if resource.type.startswith("aws:"):
            assert resource.provider.startswith(provider.urn), f"{resource.type} {resource.name} uses another provider"


@STACKS
def test_everything_in_the_cluster_uses_the_clusters_own_provider(graph: Graph) -> None:
    provider = graph.one("pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"].startswith("arn:aws:eks:")
    for resource in graph.resources:
        if resource.type.startswith("kubernetes:"):
            assert resource.provider.startswith(provider.urn), f"{resource.type} {resource.name} uses another provider"


def test_a_path_leads_to_the_service_that_declares_it() -> None:
    graph = environment_graph("dev")
    groups = {resource.outputs["arn"]: resource.name.removeprefix("ingress-") for resource in graph.of("TargetGroup")}
    leads = {
        tuple(resource.inputs["conditions"][0]["pathPattern"]["values"]): groups[
            resource.inputs["actions"][-1]["targetGroupArn"]
        ]
        for resource in graph.of("ListenerRule")
    }
    assert leads == {("/api", "/api/*"): "api", ("/ingest", "/ingest/*"): "gateway"}
    assert groups[graph.one("Listener").inputs["defaultActions"][-1]["targetGroupArn"]] == "dashboard"


def test_dev_and_prod_differ_only_where_their_configuration_says() -> None:
    kinds = {stack: Counter(resource.type for resource in graph_in_pods(stack).resources) for stack in ("dev", "prod")}
    more_in_prod = kinds["prod"] - kinds["dev"]
    assert more_in_prod == Counter(
        {
            "aws:ec2/vpcEndpoint:VpcEndpoint": len(PRIVATE_SERVICES),
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": 2,
            "kubernetes:policy/v1:PodDisruptionBudget": len(replicated("prod") - replicated("dev")),
            "aws:route53/record:Record": 2,
            "aws:ec2/eip:Eip": 1,
            "aws:ec2/natGateway:NatGateway": 1,
            "aws:eks/nodeGroup:NodeGroup": 1,
            "aws:ec2/securityGroup:SecurityGroup": 1,
            "aws:acm/certificate:Certificate": 1,
            "aws:acm/certificateValidation:CertificateValidation": 1,
            "aws:cloudformation/stack:Stack": 1,  # the login; then who needs none, the way to it, and the web ACL
            "components:network:LoginRules": 1,
            "aws:lb/listenerRule:ListenerRule": 2,
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": 1,
            "aws:wafv2/webAcl:WebAcl": 1,
            "aws:wafv2/webAclAssociation:WebAclAssociation": 1,
            "components:network:WebAcl": 1,
        }
    )
    assert kinds["dev"] - kinds["prod"] == Counter()


def replicated(stack: str) -> set[str]:
    """The servers that always have more than one replica."""
    changes = load_environment(stack).services
    minimum = {server.name: server.scale.minimum for server in CATALOG.servers}
    minimum |= {name: change.minimum for name, change in changes.items() if change.minimum}
    return {name for name, least in minimum.items() if least > 1}


def test_prod_keeps_its_data() -> None:
    graph = environment_graph("prod")
    database = graph.one("aws:rds/instance:Instance", "database")
    assert database.protect
    assert database.inputs["deletionProtection"]
    assert database.inputs["multiAz"]
    assert not database.inputs["skipFinalSnapshot"]
    assert graph.one("aws:lb/loadBalancer:LoadBalancer").inputs["enableDeletionProtection"]


def test_the_way_in_is_tls_with_a_domain_and_known_networks_without() -> None:
    rules = {
        stack: {
            (resource.inputs["cidrIpv4"], resource.inputs["fromPort"], resource.inputs["toPort"])
            for resource in environment_graph(stack).of("SecurityGroupIngressRule")
            if resource.name.startswith("ingress-clients")
        }
        for stack in ("dev", "prod")
    }
    assert rules == {"dev": {("198.51.100.0/24", 80, 80)}, "prod": {("0.0.0.0/0", 443, 443)}}
    assert environment_graph("prod").one("Listener").inputs["protocol"] == "HTTPS"


@pytest.mark.parametrize(
    ("stack", "url"), [("dev", "http://ingress.example.elb.amazonaws.com"), ("prod", "https://sensors.example.com")]
)
def test_the_api_knows_where_the_world_reaches_it(graph: Graph, url: str) -> None:
    assert environment(runs(graph, "api"))["PUBLIC_URL"] == url


@STACKS
def test_the_detector_asks_the_kubelet_for_the_cpu_of_the_containers(graph: Graph) -> None:
    assert (
        'container_cpu_usage_seconds_total{namespace=\\"sensors\\"' in environment(runs(graph, "detector"))["SIGNALS"]
    )


def test_no_secret_passes_through_the_program() -> None:
    for stack in ("dev", "prod"):
        kinds = {resource.type for resource in environment_graph(stack).resources}
        assert not kinds & {"aws:secretsmanager/secretVersion:SecretVersion", "kubernetes:core/v1:Secret"}
