"""An environment lives in a mesh and without, switched while it runs, with Istio's real charts and control plane.

Engine, Kubernetes provider and API server are real; nothing of AWS is, and pods are played. Istio's control plane runs
as long as the stack has installed it.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi.automation as auto
import pytest
from pulumi.automation.events import StepEventMetadata

from components.workload.istio import INGRESS
from stacks.config import load_environment, read_stack_file
from stacks.environment import wanted
from tests.support import engine, istio
from tests.support.engine import Rehearsal, changes, destroy
from tests.support.proxies import Proxies
from tests.support.rollouts import kubectl

LACKING = sorted({*engine.missing_with_cluster(), *istio.missing()})

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

SERVERS = wanted(load_environment("dev")).servers
PUBLIC = {server.name for server in SERVERS if server.public}
OBJECTS = "virtualservices,gateways.networking.istio.io,authorizationpolicies,peerauthentications"
SENSORS = ("Namespace", "sensors")
RELEASES = {"istio-base", "istio-istiod", "istio-cni", "istio-ztunnel"}


@dataclass(slots=True)
class Steps:
    """What a deployment did, in its order: whether a step was over then, what it did, the resource's type and name."""

    seen: list[tuple[bool, str, str, str]] = field(default_factory=list)

    def note(self, event: auto.EngineEvent) -> None:
        if event.resource_pre_event:
            self._keep(event.resource_pre_event.metadata, over=False)
        if event.res_outputs_event:
            self._keep(event.res_outputs_event.metadata, over=True)

    def _keep(self, step: StepEventMetadata, *, over: bool) -> None:
        if step.op != auto.OpType.SAME:
            kind, name = step.type.rpartition(":")[2], step.urn.rpartition("::")[2]
            self.seen.append((over, str(step.op.value), kind, name))

    @property
    def replaced(self) -> set[tuple[str, str]]:
        return {(kind, name) for _, done, kind, name in self.seen if "replace" in done}

    def in_order(self, *resources: tuple[str, str]) -> bool:
        """Whether each was done before the next began."""
        return all(
            max(self._when(earlier, over=True)) < min(self._when(later, over=False))
            for earlier, later in itertools.pairwise(resources)
        )

    def _when(self, resource: tuple[str, str], *, over: bool) -> list[int]:
        found = [at for at, (is_over, _, *what) in enumerate(self.seen) if is_over == over and what == [*resource]]
        assert found, f"{resource} was left alone: {self.seen}"
        return found


@pytest.fixture
def live(tmp_path: Path, mirror: Path, kubeconfig: Path) -> Iterator["Live"]:
    istio.mirror(mirror)
    with istio.played(kubeconfig, tmp_path / "istiod") as found:
        config = {**read_stack_file("dev", "environment"), "charts": {"mirror": str(mirror)}}
        yield Live(Rehearsal(tmp_path / "rehearsal", kubeconfig), config, found)


@dataclass(frozen=True, slots=True)
class Live:
    """Where the environment lives."""

    rehearsal: Rehearsal
    config: Mapping[str, Any]
    istiod: Callable[[], istio.Istiod]

    def stack(self, *, meshed: bool) -> auto.Stack:
        config = {**self.config, "mesh": {}} if meshed else self.config
        return self.rehearsal.stack("dev", "environment", config)

    def ask(self, *arguments: str) -> Any:
        return json.loads(kubectl(self.rehearsal.kubeconfig, *arguments, "-o", "json"))


def test_an_environment_lives_in_a_mesh_and_without(live: Live) -> None:
    stack = live.stack(meshed=True)
    stack.up()
    assert_it_is_in_the_mesh(live)
    assert changes(stack.up()) == {}, "a second deployment must change nothing"

    off = switched(live.stack(meshed=False))
    assert off.replaced == set()
    assert off.in_order(SENSORS, ("Release", "istio-ztunnel")), "pods leave before what encrypts for them goes"
    for name in PUBLIC:
        assert off.in_order(("NetworkPolicy", f"{name}-load-balancer"), ("NetworkPolicy", name))
        assert off.in_order(("TargetGroupBinding", f"ingress-{name}"), ("Release", "ingress-gateway"))
    assert led_to(live) == {name: name for name in PUBLIC}
    assert "istio.io/dataplane-mode" not in live.ask("get", "namespace", "sensors")["metadata"]["labels"]
    assert live.ask("get", OBJECTS, "--all-namespaces")["items"] == []
    assert "istio-system" not in {namespace["metadata"]["name"] for namespace in live.ask("get", "namespaces")["items"]}

    on = switched(live.stack(meshed=True))
    assert on.replaced == set()
    for release in RELEASES:
        assert on.in_order(("Release", release), SENSORS), "pods are taken in when all is there"
    for name in PUBLIC:
        assert on.in_order(SENSORS, ("NetworkPolicy", name))
        assert on.in_order(
            ("Release", "ingress-gateway"),
            ("TargetGroupBinding", f"ingress-{name}"),
            ("PeerAuthentication", "sensors-mesh-mtls"),
            ("AuthorizationPolicy", name),
            ("NetworkPolicy", f"{name}-load-balancer"),
        )
    assert_it_is_in_the_mesh(live)

    destroy(live.stack(meshed=True))
    assert live.rehearsal.aws_left == []
    left = {namespace["metadata"]["name"] for namespace in live.ask("get", "namespaces")["items"]}
    assert left.isdisjoint({"sensors", "monitoring", "istio-system"})


def switched(stack: auto.Stack) -> Steps:
    steps = Steps()
    stack.up(on_event=steps.note)
    return steps


def led_to(live: Live) -> dict[str, str]:
    """Whose pods the load balancer calls for each service."""
    found = live.ask("get", "targetgroupbindings", "-n", "sensors")["items"]
    return {binding["metadata"]["name"]: binding["spec"]["serviceRef"]["name"] for binding in found}


def assert_it_is_in_the_mesh(live: Live) -> None:
    assert led_to(live) == dict.fromkeys(PUBLIC, INGRESS)
    proxies = Proxies(live.istiod(), live.rehearsal.kubeconfig)
    proxies.take_in({server.name for server in SERVERS})
    ztunnel = proxies.told_to_ztunnel()
    for server in SERVERS:
        called = f"sensors/{server.name}"
        assert not ztunnel.hears(called, "", server.port), f"{server.name} hears who proves nothing"
        gateway = f"cluster.local/ns/sensors/sa/{INGRESS}"
        assert ztunnel.hears(called, gateway, server.port) == bool(server.public), server.name
    assert proxies.shares("/") == {"dashboard": 100}
    assert proxies.istiod.analyze("sensors") == []
