"""What no schema says, and a real API server refuses."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pulumi_kubernetes as k8s
import pytest

from delivery.charts.checks import Rendered
from delivery.charts.server import refused
from delivery.recording import Graph, build
from devtools import api_server
from devtools.api_server import ApiServer
from tests.support.stand_ins.charts import STRING, definition, object_of

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(bool(api_server.missing()), reason=f"not on PATH: {', '.join(api_server.missing())}"),
]

RULE = {"rule": "has(self.port) != has(self.path)", "message": "a port or a path"}
TYPE = definition(
    "example.com",
    "v1",
    "Watch",
    "Namespaced",
    object_of(port=STRING, path=STRING) | {"x-kubernetes-validations": [RULE]},
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server.running(tmp_path_factory.mktemp("api-server")) as running:
        yield running


def rendered(*objects: dict[str, Any]) -> Rendered:
    result = Rendered()
    result.add("monitoring", [TYPE, *objects])
    return result


def watch(**spec: str) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Watch", "metadata": {"name": "own"}, "spec": spec}


DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "program"},
    "spec": {
        "selector": {"matchLabels": {"app": "program"}},
        "template": {
            "metadata": {"labels": {"app": "program"}},
            "spec": {"containers": [{"name": "program", "image": "example.com/program"}]},
        },
    },
}
OTHER = copy.deepcopy(DEPLOYMENT)
OTHER["spec"]["template"]["metadata"]["labels"] = {"app": "other"}


def test_what_it_takes_is_not_told_though_nothing_is_made(server: ApiServer) -> None:
    for _ in range(2):
        assert list(refused(rendered(watch(port="http"), DEPLOYMENT), Graph(), server)) == []


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (watch(), "Watch own is refused by the API server: .*a port or a path"),
        (OTHER, "Deployment program is refused by the API server: .*`selector` does not match template `labels`"),
        ({**watch(), "kind": "Other"}, "Other own is of example.com/v1, which the API server does not serve"),
        ({**watch(), "apiVersion": "other.com/v1"}, "is of other.com/v1, which the API server does not serve"),
    ],
)
def test_what_it_refuses_is_told(manifest: dict[str, Any], message: str, server: ApiServer) -> None:
    (finding,) = refused(rendered(manifest), Graph(), server)
    assert re.search(message, finding, re.DOTALL), finding


def test_a_type_with_a_wrong_rule_is_refused_itself(server: ApiServer) -> None:
    wrong = copy.deepcopy(TYPE)
    wrong["metadata"]["name"] = "looks.example.com"
    wrong["spec"]["names"] = {"kind": "Look", "plural": "looks", "singular": "look"}
    spec = wrong["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"] = [{"rule": "self.nothing == 1"}]
    (finding,) = refused(rendered(wrong), Graph(), server)
    assert "looks.example.com is refused by the API server" in finding


def test_what_a_stack_itself_declares_is_tried_too(server: ApiServer) -> None:
    def program() -> None:
        metadata = k8s.meta.v1.ObjectMetaArgs(name="own", namespace="sensors")
        k8s.apiextensions.CustomResource(
            "own", api_version="example.com/v1", kind="Watch", metadata=metadata, spec={"port": "http", "path": "/"}
        )
        k8s.core.v1.Service("own", metadata=metadata, spec=k8s.core.v1.ServiceSpecArgs(ports=[]))

    findings = list(refused(rendered(), build(program), server))
    assert len(findings) == 2
    assert any("Watch own" in finding and "a port or a path" in finding for finding in findings)
    assert any("Service own" in finding and "spec.ports" in finding for finding in findings)
