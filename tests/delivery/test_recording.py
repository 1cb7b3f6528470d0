"""What a program declared, as the recording engine kept it.

The engine reads what Pulumi's mocks do not tell (`delivery/recording.py`). When a newer Pulumi answers otherwise, these
tests fail first and say what is missing: mend the recording, never what it is used for.
"""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from pulumi.output import Unknown

from delivery.recording import Graph, build

LOST = "since the last upgrade, Pulumi's mock monitor no longer lets us read"


class Group(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("test:group:Group", name)
        key = aws.kms.Key(
            "key",
            enable_key_rotation=True,
            opts=pulumi.ResourceOptions(parent=self, protect=True, ignore_changes=["description"]),
        )
        aws.kinesis.Stream("stream", kms_key_id=key.arn, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def program() -> None:
    group = Group("group")
    provider = aws.Provider("provider", region="eu-west-1")
    aws.ssm.Parameter(
        "parameter",
        type="SecureString",
        value=pulumi.Output.secret("confidential"),
        opts=pulumi.ResourceOptions(depends_on=[group], provider=provider),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["update", "preview"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return build(program, preview=request.param)


def test_parents_are_recorded(graph: Graph) -> None:
    group = graph.one("test:group:Group")
    assert {resource.name for resource in graph.inside(group)} == {"key", "stream"}, f"{LOST} parents"
    assert not group.custom, f"{LOST} what is a component"


def test_what_a_property_refers_to_is_recorded(graph: Graph) -> None:
    key, stream = graph.one("aws:kms/key:Key"), graph.one("aws:kinesis/stream:Stream")
    assert stream.property_dependencies["kmsKeyId"] == {key.urn}, f"{LOST} the dependencies of a property"
    assert key.urn in stream.dependencies, f"{LOST} dependencies"


def test_what_a_resource_waits_for_is_recorded(graph: Graph) -> None:
    parameter = graph.one("aws:ssm/parameter:Parameter")
    assert graph.waits_for(parameter, graph.one("aws:kms/key:Key")), f"{LOST} what depends_on names"
    assert graph.waits_for(parameter, graph.one("pulumi:providers:aws")), f"{LOST} the provider"
    assert not graph.waits_for(graph.one("aws:kms/key:Key"), parameter)


def test_options_are_recorded(graph: Graph) -> None:
    key, stream = graph.one("aws:kms/key:Key"), graph.one("aws:kinesis/stream:Stream")
    assert (key.protect, stream.protect) == (True, False), f"{LOST} protection"
    assert key.ignore_changes == ("description",), f"{LOST} ignored changes"


def test_inputs_are_named_as_on_the_wire_and_secrets_are_read(graph: Graph) -> None:
    assert graph.one("aws:kms/key:Key").inputs["enableKeyRotation"] is True
    parameter = graph.one("aws:ssm/parameter:Parameter")
    assert parameter.inputs["value"] == "confidential", f"{LOST} secrets"


def test_a_preview_does_not_know_what_only_the_cloud_tells() -> None:
    def kms_key_id(*, preview: bool) -> object:
        return build(program, preview=preview).one("aws:kinesis/stream:Stream").inputs.get("kmsKeyId")

    assert str(kms_key_id(preview=False)).startswith("arn:aws:kms:")
    assert isinstance(kms_key_id(preview=True), Unknown), f"{LOST} that a value is unknown in a preview"


def test_a_program_that_fails_says_so_and_leaves_the_next_one_alone() -> None:
    def broken() -> None:
        aws.kms.Key("key")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        build(broken)
    assert build(program).one("aws:kms/key:Key")


def test_a_null_among_the_values_of_a_chart_is_kept() -> None:
    def program() -> None:
        k8s.helm.v3.Release("chart", chart="chart", values={"default": None, "inside": {"default": None, "own": 1}})

    values = build(program).one("Release").inputs["values"]
    assert values == {"default": None, "inside": {"default": None, "own": 1}}
