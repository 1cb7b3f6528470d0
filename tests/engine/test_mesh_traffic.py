"""Requests through a mesh: a real Envoy is its gateway, as Istio's real control plane configures it, on this machine.

The pods' side of each tunnel is an Envoy of the tests' own in the place of ztunnel (tests/support/data_plane.py).
"""

import copy
import json
import socket
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from apps.catalog import CATALOG
from components.workload.config import Strategy
from components.workload.istio import INGRESS
from components.workload.mesh import Account
from delivery.charts.server import declared_objects
from tests.stacks.stacks_under_test import mesh_graph
from tests.support import data_plane, envoy, istio, mesh
from tests.support.certificates import believed, forged, signed
from tests.support.data_plane import GATEWAY, ISTIOS_OWN, NAMESPACE, DataPlane
from tests.support.envoy import TUNNEL_PORT
from tests.support.istio import apply, eventually
from tests.support.mesh import PLANTED, STACK
from tests.support.proxies import Proxies
from tests.support.rollouts import kubectl
from tests.support.serving import serving

LACKING = [*istio.missing(), *envoy.missing()]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

PATHS = {
    "/": "dashboard",
    "/assets/index.js": "dashboard",
    "/api": "api",
    "/api/devices?limit=5": "api",
    "/apian": "dashboard",
    "/ingest/device-1": "gateway",
    "/ingestion": "dashboard",
}
PUBLIC = {server.name for server in CATALOG.servers if server.public}
REQUESTS = 400
MARGIN = 45
"""Five standard deviations of how many of the requests a quarter is."""


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    with mesh.running(tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest.fixture(scope="module")
def plane(proxies: Proxies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    with data_plane.running(proxies, tmp_path_factory.mktemp("traffic") / "plane") as running:
        yield running


def subnets() -> list[IPv4Network]:
    """Where the load balancer calls from."""
    (policy,) = [found for found in mesh_graph(STACK).of("AuthorizationPolicy") if _named(found.inputs, INGRESS)]
    (rule,) = policy.inputs["spec"]["rules"]
    return [IPv4Network(block) for source in rule["from"] for block in source["source"]["ipBlocks"]]


def load_balancer() -> str:
    return str(subnets()[0][4])


def test_nothing_that_istiod_says_is_left_out_but_filters_that_tell_who_calls_whom(plane: DataPlane) -> None:
    """So what the others see is the gateway's own doing. Istio builds these filters into its Envoy."""
    assert plane.config.left_out == ISTIOS_OWN
    assert {service for service, _, _ in plane.config.pods()} == PUBLIC


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_to_its_service(plane: DataPlane, path: str) -> None:
    with plane.client(load_balancer()) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.text, answer.headers["seen-path"]) == (200, PATHS[path], path)


def test_only_the_load_balancers_subnets_are_heard(plane: DataPlane) -> None:
    blocks = subnets()
    inside = {address for block in blocks for address in (block[0], block[-1])}
    outside = {address for block in blocks for address in (block[0] - 1, block[-1] + 1)} - inside
    answers = {}
    for source in inside | outside:
        with plane.client(str(source)) as client:
            answer = client.get("/api/devices")
            answers[source] = (answer.status_code, answer.text)
    assert {source for source, answer in answers.items() if answer == (200, "api")} == inside
    assert {source for source, answer in answers.items() if answer == (403, "RBAC: access denied")} == outside


def test_a_service_is_told_who_asks_by_the_load_balancer_and_nobody_else(plane: DataPlane) -> None:
    """It appends who connected to it; what came before may be anybody's invention."""
    with plane.client(load_balancer()) as client:
        answer = client.get("/api/devices", headers={"x-forwarded-for": "198.51.100.7, 203.0.113.9"})
    assert answer.headers["seen-client"] == "203.0.113.9"


def test_a_page_stays_connected_to_the_api(proxies: Proxies, tmp_path: Path) -> None:
    """A WebSocket passes both proxies, and what a pod sends comes at once."""

    async def live(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("first")
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    async def health(_: object) -> Response:
        return Response()

    app = Starlette(routes=[Route("/health", health), WebSocketRoute("/api/live", live)])
    with (
        serving(app) as base,
        data_plane.running(proxies, tmp_path / "plane", processes={"api": int(base.rpartition(":")[2])}) as plane,
    ):
        source = (plane.loopback.address(load_balancer()), 0)
        with (
            socket.create_connection(plane.place, source_address=source) as connection,
            connect(f"ws://{plane.place[0]}/api/live", sock=connection) as page,
        ):
            assert page.recv(timeout=30) == "first"
            page.send("second")
            assert page.recv(timeout=30) == "second"


def test_a_gateway_that_proves_to_be_somebody_else_is_heard_by_no_pod(proxies: Proxies, tmp_path: Path) -> None:
    """Its certificate is istiod's, but of an account that no service names among its callers."""
    certificate = signed(proxies.istiod, Account(NAMESPACE, PLANTED))
    with (
        data_plane.running(proxies, tmp_path / "plane", gateway=certificate) as plane,
        plane.client(load_balancer()) as client,
    ):
        assert {client.get(path).status_code for path in PATHS} == {503}


def test_a_gateway_with_the_right_name_by_another_signer_is_heard_by_no_pod(proxies: Proxies, tmp_path: Path) -> None:
    certificate = forged(GATEWAY, believed(proxies.istiod))
    with (
        data_plane.running(proxies, tmp_path / "plane", gateway=certificate) as plane,
        plane.client(load_balancer()) as client,
    ):
        assert {client.get(path).status_code for path in PATHS} == {503}


def test_pods_with_the_right_name_by_another_signer_get_no_request(proxies: Proxies, tmp_path: Path) -> None:
    certificate = forged(Account(NAMESPACE, "api"), believed(proxies.istiod))
    with (
        data_plane.running(proxies, tmp_path / "plane", pods=certificate) as plane,
        plane.client(load_balancer()) as client,
    ):
        assert client.get("/api/devices").status_code == 503


def test_no_pod_answers_in_plain(plane: DataPlane) -> None:
    for _, address, _ in plane.config.pods():
        assert b"HTTP" not in _reply(address, b"GET / HTTP/1.1\r\nhost: pod\r\n\r\n")


def test_no_pod_hears_who_proves_nothing(plane: DataPlane) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    for _, address, _ in plane.config.pods():
        # The client's part of the handshake ends before the pod has looked for a certificate: the answer says it. No
        # request is sent, or the pod might hang up on it so soon that the answer is lost.
        with pytest.raises(ssl.SSLError, match=r"(?i:certificate.required)"):
            _reply(address, tls=context)


def test_a_canary_gets_its_share_of_requests(proxies: Proxies, tmp_path: Path) -> None:
    """Its controller writes the shares into the route, as here."""
    shared = _route("canary")
    for to, percent in zip(shared["spec"]["http"][0]["route"], (75, 25), strict=True):
        to["weight"] = percent
    _start_next_version(proxies)
    apply(proxies.kubeconfig, [shared])
    try:
        eventually(lambda: proxies.shares("/api/") == {"api": 75, "api-preview": 25})
        with data_plane.running(proxies, tmp_path / "plane") as plane, plane.client(load_balancer()) as client:
            answers = Counter(client.get("/api/devices").text for _ in range(REQUESTS))
            assert client.get("/").text == "dashboard"
    finally:
        apply(proxies.kubeconfig, [_route(None)])
    assert answers.keys() == {"api", "api-preview"}
    assert abs(answers["api-preview"] - REQUESTS / 4) < MARGIN


def _route(strategy: Strategy | None) -> dict[str, Any]:
    """The API's route, as it is declared."""
    (route,) = [
        copy.deepcopy(dict(manifest))
        for _, manifest in declared_objects(mesh_graph(STACK, strategy))
        if manifest["kind"] == "VirtualService" and _named(manifest, "api")
    ]
    return route


def _start_next_version(proxies: Proxies) -> None:
    """Start pods of another version of the API, and let each of two Services lead to one version, as for a canary."""
    kubeconfig, of_sensors = proxies.kubeconfig, ("-n", NAMESPACE, "-o", "json")
    deployment, service = (
        json.loads(kubectl(kubeconfig, "get", kind, "api", *of_sensors)) for kind in ("deployment", "service")
    )
    pod = deployment["spec"]["template"]
    labels = {**pod["metadata"]["labels"], "version": "next"}
    following = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api-preview", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod["spec"]},
        },
    }
    (running, *_) = proxies.pods("app.kubernetes.io/name=api")
    current = {name: running["metadata"]["labels"][name] for name in ("app.kubernetes.io/name", "pod-template-hash")}
    services = [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"ports": service["spec"]["ports"], "selector": selector},
        }
        for name, selector in (("api", current), ("api-preview", labels))
    ]
    apply(kubeconfig, [following, *services])


def _named(manifest: Mapping[str, Any], name: str) -> bool:
    return bool(manifest["metadata"]["name"] == name)


def _reply(address: str, request: bytes = b"", tls: ssl.SSLContext | None = None) -> bytes:
    """Ask where a pod's tunnels end, and return what comes before it hangs up."""
    with socket.create_connection((address, TUNNEL_PORT), timeout=30) as plain:
        connection = tls.wrap_socket(plain) if tls else plain
        try:
            connection.sendall(request)
            return connection.recv(4096)
        except ConnectionResetError:
            return b""
