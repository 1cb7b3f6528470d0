"""What the API server would refuse."""

from typing import Any

import pulumi_kubernetes as k8s
import pytest

from delivery.charts.checks import Rendered
from delivery.charts.schemas import refused
from delivery.recording import Graph, build

SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["port"],
    "properties": {
        "port": {"x-kubernetes-int-or-string": True},
        "interval": {"type": "string", "pattern": "^[0-9]+s$"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {}},
        "template": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {}},
    },
}
TYPE = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "monitors.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Monitor", "plural": "monitors"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC}}},
            }
        ],
    },
}


def rendered(*objects: dict[str, Any]) -> Rendered:
    result = Rendered()
    result.add("monitoring", [TYPE, *objects])
    return result


def monitor(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Monitor", "metadata": {"name": "own"}, "spec": spec}


RIGHT = monitor(port=80, interval="15s", labels={"a": "b"}, free={"x": 1}, template={"kind": "Pod", "metadata": {}})


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (monitor(interval="15s"), "Monitor own is refused: spec: 'port' is a required property"),
        (monitor(port="http", intervall="15s"), "spec: Additional properties are not allowed ('intervall'"),
        (monitor(port="http", interval="15"), "spec.interval: '15' does not match"),
        (monitor(port=1.5), "spec.port: 1.5 is not valid"),
        (monitor(port=1, labels={"a": 1}), "spec.labels.a: 1 is not of type 'string'"),
        ({**RIGHT, "status": {}}, "it: Additional properties are not allowed ('status'"),
        ({**RIGHT, "apiVersion": "example.com/v2"}, "is of example.com/v2, which neither Kubernetes 1.35 nor a chart"),
        (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"a": 1}},
            "ConfigMap own is refused: data.a: 1 is not ",
        ),
    ],
)
def test_what_does_not_fit_its_schema_is_refused(manifest: dict[str, Any], message: str) -> None:
    (finding,) = refused(rendered(manifest), Graph(), "1.35")
    assert message in finding


def test_what_fits_is_not_told() -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own"}, "data": {"a": "1"}}
    assert list(refused(rendered(RIGHT, settings), Graph(), "1.35")) == []


def test_a_custom_resource_of_a_stack_is_checked_against_the_type_that_a_chart_brings() -> None:
    def program() -> None:
        k8s.apiextensions.CustomResource(
            "own",
            api_version="example.com/v1",
            kind="Monitor",
            metadata=k8s.meta.v1.ObjectMetaArgs(name="own"),
            spec={"port": "http", "pth": "/metrics"},
        )

    (finding,) = refused(rendered(), build(program), "1.35")
    assert "('pth' was unexpected)" in finding
