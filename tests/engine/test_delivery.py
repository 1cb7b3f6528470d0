"""New versions take over, or are taken back, by the real controller of Argo Rollouts.

The stack is a small one, a workload of ours in its namespace. Engine, control plane, controller and Prometheus are
real, and so are the processes that answer, which stand for pods.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi.automation as auto
import pulumi_kubernetes as k8s
import pytest

from apps.observability.canaries import indicators
from apps.platform.declaration import ReleaseJob, Resources, Scale, Service
from apps.platform.settings import HttpSettings, ProcessSettings
from components.binding import EgressTarget
from components.cluster.config import ChartsConfig
from components.cluster.namespace import Namespace, NamespaceArgs
from components.workload.config import CanaryStepConfig, DeliveryConfig, Strategy
from components.workload.delivery import Delivery
from components.workload.istio import IngressGateway, IngressGatewayArgs, Istio, IstioArgs
from components.workload.mesh import Account, Mesh
from components.workload.pods import Platform, WorkloadArgs
from components.workload.scheduled_workload import StartedWorkload
from components.workload.workload import Workload
from tests.components import parts
from tests.support import control_plane, istio, rollouts
from tests.support.engine import Rehearsal, changes, destroy, engines
from tests.support.played_pods import ApiServer, PlayedPods, playing
from tests.support.proxies import Proxies
from tests.support.rollouts import kubectl

LACKING = rollouts.missing()

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

API = Service(
    name="api",
    module="apps.api",
    settings=HttpSettings,
    scale=Scale(minimum=3, maximum=6),
    resources=Resources(cpu="10m", memory="16Mi"),
)


class TrySettings(ProcessSettings):
    """Where a version is that is tried."""

    api_url: str = "http://api.sensors.svc:8000"


TRY = ReleaseJob(
    name="smoke-test",
    module="apps.smoke",
    settings=TrySettings,
    deadline_seconds=60,
    resources=Resources(cpu="10m", memory="16Mi"),
)


def image(version: str) -> str:
    return f"registry/api@sha256:{version * 64}"


FIRST, SECOND, FAILING, SLOW, LAGGING = (image(version) for version in "12efd")
FAULTS = {FAILING: "errors", SLOW: "slow", LAGGING: "lagging"}

REACHED = replace(API, public=("/api",))
"""What the gateway of a mesh leads to."""

CONSUMER = replace(API, name="ingestor", module="apps.ingestor")
"""Of the name of the ingestor, and so judged by its objectives."""


@dataclass(slots=True)
class Harness:
    """A stack with one workload, whose pods are played and called."""

    rehearsal: Rehearsal
    pods: PlayedPods
    prometheus: str
    declaration: Service = API
    trier: str = FIRST
    """The image that tries a version."""
    mirror: Path | None = None
    """Istio's charts, where the workload is in a mesh."""
    output: list[str] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.rehearsal.kubeconfig

    def stack(self, version: str, strategy: Strategy | None) -> auto.Stack:
        """The stack with this version. No strategy: as it is without a controller."""
        self.pods.expect(version)
        declare = partial(self._declare, version, strategy)
        return self.rehearsal.stack("try", "environment", {"account": "111111111111"}, declare)

    def up(self, version: str, strategy: Strategy | None) -> auto.UpResult:
        self.output.clear()
        return self.stack(version, strategy).up(on_output=self.output.append)

    def fails(self, version: str, strategy: Strategy) -> str:
        """Deploy a version that must not take over, and return what was said."""
        with pytest.raises(auto.CommandError):
            self.up(version, strategy)
        return "\n".join(self.output)

    def rollout(self) -> dict[str, Any]:
        return ApiServer(self.kubeconfig).get(
            f"/apis/argoproj.io/v1alpha1/namespaces/sensors/rollouts/{self.declaration.name}"
        )

    def names(self, kinds: str) -> set[str]:
        arguments = ("get", kinds, "-n", "sensors", "-o", "jsonpath={.items[*].metadata.name}")
        return set(kubectl(self.kubeconfig, *arguments).split())

    def _declare(self, version: str, strategy: Strategy | None) -> None:
        access = self.kubeconfig.read_text()
        provider = k8s.Provider("cluster", kubeconfig=access, cluster_identifier="try")
        opts = pulumi.ResourceOptions(providers=[provider])
        namespace = Namespace("sensors", NamespaceArgs("sensors"), opts)
        mesh = self._mesh(namespace, opts) if self.mirror else None
        platform = Platform(
            identities=parts.identities(),
            namespace="sensors",
            product="try",
            providers={},
            aws=EgressTarget(443, ("0.0.0.0/0",)),
            load_balancer=("10.0.192.0/20",),
            monitoring="monitoring",
            depends_on=(namespace,),
            mesh=mesh,
        )
        smoke = StartedWorkload("smoke-test", WorkloadArgs(TRY, self.trier, platform), opts)
        delivery = strategy and Delivery(
            config=DeliveryConfig(
                strategy=strategy,
                steps=(
                    CanaryStepConfig(percent=25, pause_seconds=10),
                    CanaryStepConfig(percent=50, pause_seconds=15),
                ),
                interval_seconds=5,
                window_seconds=30,
            ),
            indicators=indicators(self.declaration),
            prometheus=self.prometheus,
            kubeconfig=access,
            controller=smoke.ready,
            smoke=(
                smoke.pods({"API_URL": "http://api-preview.sensors.svc:8000"})
                if self.declaration.name == API.name
                else None
            ),
            splits_requests=mesh is not None,
        )
        args = WorkloadArgs(self.declaration, version, platform, delivery=delivery or None)
        Workload(self.declaration.name, args, opts)

    def _mesh(self, namespace: Namespace, opts: pulumi.ResourceOptions) -> Mesh:
        charts, load_balancer = ChartsConfig(mirror=str(self.mirror)), ("10.0.192.0/20",)
        programs = Istio("istio", IstioArgs(charts=charts, members="sensors", api_server=("10.0.0.0/16",)), opts)
        gateway = IngressGateway(
            "ingress-gateway",
            IngressGatewayArgs(
                charts=charts,
                namespace="sensors",
                routes=(self.declaration,),
                load_balancer=load_balancer,
                after=(namespace, programs),
            ),
            opts,
        )
        return Mesh(ingress=gateway.account, scraper=Account("monitoring", "prometheus"), after=(gateway,))


@pytest.fixture
def harness(tmp_path: Path, kubeconfig: Path) -> Iterator[Harness]:
    with in_place(tmp_path, kubeconfig, API) as created:
        yield created


@pytest.fixture
def consumer(tmp_path: Path, kubeconfig: Path) -> Iterator[Harness]:
    with in_place(tmp_path, kubeconfig, CONSUMER) as created:
        yield created


@pytest.fixture
def istiod(tmp_path: Path, kubeconfig: Path) -> Iterator[Callable[[], istio.Istiod]]:
    with istio.played(kubeconfig, tmp_path / "istiod") as found:
        yield found


@pytest.fixture
def meshed(tmp_path: Path, kubeconfig: Path) -> Iterator[Harness]:
    with in_place(tmp_path, kubeconfig, REACHED) as created:
        created.mirror = istio.mirror(tmp_path / "charts")
        yield created


@contextmanager
def in_place(folder: Path, kubeconfig: Path, declaration: Service) -> Iterator[Harness]:
    with ExitStack() as running:
        running.enter_context(rollouts.controller(kubeconfig, folder))
        played = playing(kubeconfig, folder / "pods", declaration.name, FAULTS)
        pods, prometheus = running.enter_context(played)
        yield Harness(Rehearsal(folder / "rehearsal", kubeconfig), pods, prometheus, declaration)


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait until a condition holds, and return whether it does."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.2)
    return condition()


def when(condition: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    """Do something as soon as a condition holds, while the caller does something else."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            if condition():
                then()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_versions_take_over_under_load_and_nobody_is_dropped(harness: Harness) -> None:
    """From pod by pod to steps, a version in steps, and back to pod by pod."""
    harness.up(FIRST, None)
    # As the autoscaler would: the load needs more pods than the fewest.
    kubectl(harness.kubeconfig, "scale", "deployment", "api", "-n", "sensors", "--replicas=5")
    kubectl(harness.kubeconfig, "wait", "deployment", "api", "-n", "sensors", "--for=condition=Available")

    harness.up(FIRST, "canary")
    assert harness.names("deployments") == set()
    assert harness.rollout()["spec"]["replicas"] >= 5

    before = len(harness.pods.seen)
    harness.up(SECOND, "canary")
    shares = [images.count(SECOND) / len(images) for images in harness.pods.seen[before:]]
    assert any(0 < share <= 1 / 3 for share in shares), "the first step is a quarter"
    assert any(1 / 3 < share < 1 for share in shares), "the second step is a half"
    assert harness.rollout()["status"]["phase"] == "Healthy"
    assert changes(harness.up(SECOND, "canary")) == {}, "a second deployment must change nothing"

    size = harness.rollout()["spec"]["replicas"]
    harness.up(SECOND, "rolling")
    assert harness.names("rollouts.argoproj.io") == set()
    deployment = json.loads(kubectl(harness.kubeconfig, "get", "deployment", "api", "-n", "sensors", "-o", "json"))
    assert deployment["status"]["availableReplicas"] >= size

    assert set(harness.pods.answers) == {"200"}, harness.pods.answers
    destroy(harness.stack(SECOND, "rolling"))
    assert "sensors" not in kubectl(harness.kubeconfig, "get", "namespaces", "-o", "name")


def test_a_bad_version_is_taken_back_and_the_deployment_says_which_objective(harness: Harness) -> None:
    harness.up(FIRST, "canary")
    message = harness.fails(FAILING, "canary")
    assert "api: the new version was taken back" in message
    assert "objective api-availability failed (API availability, 99.9%)" in message
    assert "Traceback" not in message
    assert eventually(lambda: set(harness.pods.seen[-1]) == {FIRST}), "the version before serves"
    assert "objective api-availability failed" in harness.fails(FAILING, "canary"), "it still did not take over"

    message = harness.fails(SLOW, "canary")
    assert "objective api-latency failed (API latency, 99.0%)" in message
    assert "api-availability failed" not in message

    harness.up(SECOND, "canary")
    assert eventually(lambda: set(harness.pods.seen[-1]) == {SECOND})
    destroy(harness.stack(SECOND, "canary"))
    assert "sensors" not in kubectl(harness.kubeconfig, "get", "namespaces", "-o", "name")


def test_a_deployment_that_is_interrupted_in_the_middle_of_a_canary_is_resumed(harness: Harness) -> None:
    harness.up(FIRST, "canary")
    half: list[int] = []

    def in_the_middle() -> bool:
        return 0 < harness.rollout()["status"].get("currentStepIndex", 0) < 4 and SECOND in harness.pods.seen[-1]

    def interrupt() -> None:
        half.append(harness.rollout()["status"]["currentStepIndex"])
        for running in engines():
            running.send_signal(signal.SIGINT)

    watching = when(in_the_middle, interrupt)
    with pytest.raises(auto.CommandError):
        harness.up(SECOND, "canary")
    watching.join(60)
    assert half, "the deployment ended before"
    assert set(harness.pods.seen[-1]) != {SECOND}

    harness.up(SECOND, "canary")
    assert eventually(lambda: set(harness.pods.seen[-1]) == {SECOND})
    assert changes(harness.up(SECOND, "canary")) == {}
    assert set(harness.pods.answers) == {"200"}, harness.pods.answers


def test_blue_green_switches_at_once_and_back_when_the_new_version_breaks_a_promise(harness: Harness) -> None:
    harness.up(FIRST, "blue_green")
    before = len(harness.pods.seen)
    harness.up(SECOND, "blue_green")
    mixed = [images for images in harness.pods.seen[before:] if len(set(images)) > 1]
    assert len(mixed) <= 1, "nobody meets both versions, but for the moment of the switch"
    assert eventually(lambda: set(harness.pods.seen[-1]) == {SECOND})
    service = json.loads(kubectl(harness.kubeconfig, "get", "service", "api-preview", "-n", "sensors", "-o", "json"))
    assert "rollouts-pod-template-hash" in service["spec"]["selector"]
    jobs = json.loads(kubectl(harness.kubeconfig, "get", "jobs", "-n", "sensors", "-o", "json"))["items"]
    tried = [job["spec"]["template"]["spec"]["containers"][0]["env"] for job in jobs if job["status"].get("succeeded")]
    assert {"name": "API_URL", "value": "http://api-preview.sensors.svc:8000"} in tried[0]

    message = harness.fails(FAILING, "blue_green")
    assert "objective api-availability failed" in message
    assert eventually(lambda: set(harness.pods.seen[-1]) == {SECOND}), "the version before serves again"
    destroy(harness.stack(SECOND, "blue_green"))
    assert "sensors" not in kubectl(harness.kubeconfig, "get", "namespaces", "-o", "name")


def test_a_version_that_its_smoke_test_refuses_is_never_switched_to(harness: Harness) -> None:
    harness.up(FIRST, "blue_green")
    before = len(harness.pods.seen)
    harness.trier = control_plane.FAILS
    message = harness.fails(SECOND, "blue_green")
    assert "api: the new version was taken back" in message
    assert "smoke-test failed: kubectl -n sensors logs job/" in message
    assert SECOND not in {image for images in harness.pods.seen[before:] for image in images}
    assert set(harness.pods.answers) == {"200"}, harness.pods.answers


def test_a_consumer_that_lags_is_taken_back_by_the_objective_of_its_lag(consumer: Harness) -> None:
    consumer.up(FIRST, "canary")
    message = consumer.fails(LAGGING, "canary")
    assert "ingestor: the new version was taken back" in message
    assert "objective ingest-lag failed (Ingest lag, at most 15 s): its pods had 300, at most 15" in message
    assert eventually(lambda: set(consumer.pods.seen[-1]) == {FIRST}), "the version before reads on"
    consumer.up(SECOND, "canary")
    assert eventually(lambda: set(consumer.pods.seen[-1]) == {SECOND})


@pytest.mark.skipif(bool(istio.missing()), reason=f"not on PATH: {', '.join(istio.missing())}")
def test_in_a_mesh_a_canary_gets_its_exact_share_and_a_bad_one_loses_it(
    meshed: Harness, istiod: Callable[[], istio.Istiod]
) -> None:
    """Callers go where the gateway is told to send them."""
    meshed.up(FIRST, "canary")
    meshed.pods.shares = partial(Proxies(istiod(), meshed.kubeconfig).shares, "/api/")

    before = len(meshed.pods.divided)
    meshed.up(SECOND, "canary")
    # Its pods are behind the old Service then.
    assert eventually(lambda: meshed.pods.divided[-1] == {"api": 100}), meshed.pods.divided
    shares = [weights.get("api-preview", 0) for weights in meshed.pods.divided[before:]]
    assert [share for share in shares if 0 < share < 100] == [25, 50], "as the steps say"
    assert eventually(lambda: set(meshed.pods.seen[-1]) == {SECOND})
    assert changes(meshed.up(SECOND, "canary")) == {}, "the shares are the controller's"
    assert set(meshed.pods.answers) == {"200"}, meshed.pods.answers

    before = len(meshed.pods.divided)
    message = meshed.fails(FAILING, "canary")
    assert "objective api-availability failed (API availability, 99.9%)" in message
    assert eventually(lambda: meshed.pods.divided[-1] == {"api": 100}), meshed.pods.divided
    assert {weights.get("api-preview", 0) for weights in meshed.pods.divided[before:]} <= {0, 25, 50}
    assert eventually(lambda: set(meshed.pods.seen[-1]) == {SECOND}), "the version before serves"
