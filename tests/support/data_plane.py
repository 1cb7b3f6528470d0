"""Requests through a mesh: the gateway as istiod configures it, and pods that hear it through their tunnels.

Two Envoys run, on addresses of this machine. One is the gateway: all that it does is what istiod tells it. The other
stands for the pods and for the ztunnel of their nodes, of which there is no program here: it ends each tunnel with the
certificate of the pod's account and lets in whom ztunnel would by what istiod tells it; a pod answers by itself, or a
process does for it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx

from components.workload.istio import INGRESS, INGRESS_PORT
from components.workload.mesh import Account
from devtools.ports import free_port
from tests.support import envoy
from tests.support.certificates import Certificate, signed
from tests.support.envoy import TUNNEL_PORT, Config
from tests.support.istio import eventually
from tests.support.proxies import Proxies, ZtunnelConfig, routes

NAMESPACE = "sensors"
GATEWAY = Account(NAMESPACE, INGRESS)

ISTIOS_OWN = {
    "io.istio.http.peer_metadata.Config",
    "envoy.tcp.metadataexchange.config.MetadataExchange",
    "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
    "stats.PluginConfig",
}
"""Filters that Istio builds into its Envoy, by their types: they tell each other and Prometheus who calls whom."""


@dataclass(frozen=True, slots=True)
class Loopback:
    """Addresses of this machine in the place of a cluster's: blocks stay blocks, ports stay as they are."""

    mask: int = field(default_factory=lambda: (10 ^ 127) << 24 | free_port() << 8)
    """No other process has the port, so none has the addresses."""

    def address(self, of_cluster: str) -> str:
        """Return the address in the place of one in 10.0.0.0/8."""
        return str(IPv4Address(int(IPv4Address(of_cluster)) ^ self.mask))

    def everywhere(self, config: Any) -> Any:
        """Return a configuration in which all are replaced."""
        inside = re.compile(r"\b10(\.\d{1,3}){3}\b")
        return json.loads(inside.sub(lambda match: self.address(match[0]), json.dumps(config)))


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What istiod tells the gateway, with addresses of this machine. `left_out`: filters that this Envoy lacks."""

    address: str
    listeners: list[Config]
    clusters: list[Config]
    left_out: set[str]

    def pods(self) -> Iterator[tuple[str, str, int]]:
        """Yield the Service, the address and the port of each pod that requests go to through a tunnel."""
        for service, endpoints in self._endpoints().items():
            for endpoint in endpoints:
                metadata = endpoint["metadata"]["filterMetadata"]
                if tunnel := metadata.get("envoy.filters.listener.original_dst"):
                    address, _, port = tunnel["local"].partition(":")
                    yield service, address, int(port)

    @property
    def is_settled(self) -> bool:
        """Whether each Service has pods, none of them another's, and all are called through tunnels."""
        endpoints, pods = self._endpoints(), list(self.pods())
        addresses = {address for _, address, _ in pods}
        return all(endpoints.values()) and len(addresses) == len(pods) == sum(map(len, endpoints.values()))

    def _endpoints(self) -> dict[str, list[Config]]:
        return {
            found["name"].rpartition("|")[2].partition(".")[0]: [
                endpoint for group in found["loadAssignment"].get("endpoints", []) for endpoint in group["lbEndpoints"]
            ]
            for found in self.clusters
            if "loadAssignment" in found
        }


@dataclass(frozen=True, slots=True)
class DataPlane:
    """Calls the gateway from where the load balancer does, or from elsewhere."""

    config: GatewayConfig
    loopback: Loopback

    @property
    def place(self) -> tuple[str, int]:
        """Where the gateway answers."""
        return self.config.address, INGRESS_PORT

    def client(self, source: str) -> httpx.Client:
        """Return who calls from an address of the cluster."""
        transport = httpx.HTTPTransport(local_address=self.loopback.address(source))
        host, port = self.place
        return httpx.Client(base_url=f"http://{host}:{port}", transport=transport, timeout=30)


@contextmanager
def running(
    proxies: Proxies,
    folder: Path,
    *,
    gateway: Certificate | None = None,
    pods: Certificate | None = None,
    processes: Mapping[str, int] | None = None,
) -> Iterator[DataPlane]:
    """Run both while the block does.

    `gateway`, `pods`: what they prove who they are with, instead of the certificates of their accounts. `processes`:
    ports of this machine at which the pods of a Service answer.
    """
    folder.mkdir()
    loopback = Loopback()
    config = _settled(proxies, loopback)
    ztunnel = proxies.told_to_ztunnel()
    services = {service for service, _, _ in config.pods()}
    certificates = {service: pods or signed(proxies.istiod, _account(service, ztunnel)) for service in services}
    tunnels = [
        _tunnel(service, address, port, certificates[service], ztunnel) for service, address, port in config.pods()
    ]
    processes = processes or {}
    here = [service for service in services if service not in processes]
    inside = [
        envoy.cluster(service, {"envoyInternalAddress": {"serverListenerName": _answering(service)}})
        for service in here
    ]
    outside = [envoy.cluster(service, envoy.address("127.0.0.1", port)) for service, port in processes.items()]
    with (
        envoy.running(folder / "pods", [*tunnels, *map(_pod, here)], [*inside, *outside]),
        envoy.running(
            folder / "gateway",
            config.listeners,
            config.clusters,
            envoy.secrets(gateway or signed(proxies.istiod, GATEWAY)),
        ),
    ):
        yield DataPlane(config, loopback)


def _settled(proxies: Proxies, loopback: Loopback) -> GatewayConfig:
    """Wait until istiod knows all pods as members of the mesh, those too that an autoscaler has just started."""
    configs: list[GatewayConfig] = []

    def is_settled() -> bool:
        proxies.take_in(set())
        configs.append(_gateway_config(proxies, loopback))
        return configs[-1].is_settled

    eventually(is_settled)
    return configs[-1]


def _gateway_config(proxies: Proxies, loopback: Loopback) -> GatewayConfig:
    led_to = {name for route in routes(proxies.told_to_gateway()) for name in _clusters_of(route)}
    dump = proxies.told_to_gateway(endpoints_of=sorted(led_to))
    left_out: set[str] = set()
    dump = loopback.everywhere(_readable(dump, left_out))
    address = loopback.address(proxies.gateway_pod()["status"]["podIP"])
    endpoints = {found["clusterName"]: found for found in _resources(dump, "Endpoints", "EndpointConfig")}
    configs = {found["name"]: found for found in _resources(dump, "Routes", "RouteConfig")}
    return GatewayConfig(
        address,
        [_listener(listener, configs, address) for listener in _resources(dump, "Listeners", "Listener")],
        [
            _cluster(cluster, endpoints)
            for cluster in _resources(dump, "Clusters", "ActiveCluster")
            if cluster.get("type") != "EDS" or cluster["name"] in led_to
        ],
        left_out,
    )


def _resources(dump: Config, section: str, kind: str) -> Iterator[Config]:
    """Yield what stands in a section of a dump. It has a type there, and none where it is given to Envoy."""
    for entry in dump[f"{section}ConfigDump"].get(f"dynamic{kind}s", []):
        entry = entry.get("activeState", entry)
        (resource,) = [value for value in entry.values() if isinstance(value, dict)]
        yield {key: value for key, value in resource.items() if key != "@type"}


def _clusters_of(route: Config) -> list[str]:
    several = route["route"].get("weightedClusters", {}).get("clusters", [])
    return [found["name"] for found in several] or [route["route"]["cluster"]]


def _readable(value: Any, left_out: set[str]) -> Any:
    """Return what this Envoy reads of a configuration. `left_out`: gets the types of filters that it does not know.

    Certificates have been given to it, so it need not ask for them.
    """
    if isinstance(value, dict):
        return {key: _readable(inside, left_out) for key, inside in value.items() if key != "sdsConfig"}
    if isinstance(value, list):
        types = [_type(inside) for inside in value]
        left_out |= ISTIOS_OWN.intersection(types)
        return [
            _readable(inside, left_out) for inside, kind in zip(value, types, strict=True) if kind not in ISTIOS_OWN
        ]
    return value


def _type(value: Any) -> str:
    config = value.get("typedConfig", {}) if isinstance(value, dict) else {}
    url: str = config.get("typeUrl", config.get("@type", ""))
    return url.rpartition("/")[2]


def _listener(listener: Config, configs: Mapping[str, Config], address: str) -> Config:
    """Return a listener on the gateway's own address, with its routes in it."""
    if "socketAddress" in listener.get("address", {}):
        listener["address"]["socketAddress"]["address"] = address
    for chain in listener["filterChains"]:
        for found in chain["filters"]:
            if rds := found["typedConfig"].pop("rds", None):
                found["typedConfig"]["routeConfig"] = configs[rds["routeConfigName"]]
    return listener


def _cluster(cluster: Config, endpoints: Mapping[str, Config]) -> Config:
    if cluster.get("type") != "EDS":
        return cluster
    without = {key: value for key, value in cluster.items() if key != "edsClusterConfig"}
    # istiod may still know the connection that asked before, for no endpoints: who reads this asks again.
    empty = {"clusterName": cluster["name"]}
    return {**without, "type": "STATIC", "loadAssignment": endpoints.get(cluster["name"], empty)}


def _tunnel(service: str, address: str, port: int, certificate: Certificate, ztunnel: ZtunnelConfig) -> Config:
    """Return where a pod's tunnels end."""
    called = f"{address}:{port}"
    tls = envoy.extension(
        "envoy.transport_sockets.tls",
        "transport_sockets.tls.v3.DownstreamTlsContext",
        requireClientCertificate=True,
        commonTlsContext={
            "alpnProtocols": ["h2"],
            "tlsParams": {"tlsMinimumProtocolVersion": "TLSv1_3"},
            "tlsCertificates": [envoy.secrets(certificate)[0]["tlsCertificate"]],
            "validationContext": envoy.secrets(certificate)[1]["validationContext"],
        },
    )
    route = {"cluster": service, "upgradeConfigs": [{"upgradeType": "CONNECT", "connectConfig": {}}]}
    reader = envoy.http(
        f"tunnel {called}",
        [{"match": {"connectMatcher": {}}, "route": route}],
        [_callers(service, called, port, ztunnel)],
        codecType="HTTP2",
        http2ProtocolOptions={"allowConnect": True},
        upgradeConfigs=[{"upgradeType": "CONNECT"}],
    )
    return {
        "name": f"tunnel {called}",
        "address": envoy.address(address, TUNNEL_PORT),
        "filterChains": [{"transportSocket": tls, "filters": [reader]}],
    }


def _callers(service: str, called: str, port: int, ztunnel: ZtunnelConfig) -> Config:
    """Return what lets in whom ztunnel would, for the port of the service."""
    accounts = {Account(found.namespace, found.service_account) for found in ztunnel.workloads.values()} | {GATEWAY}
    principals = sorted(
        account.principal for account in accounts if ztunnel.hears(_workload(service), account.principal, port)
    )
    policy = {
        "permissions": [{"header": {"name": ":authority", "stringMatch": {"exact": called}}}],
        "principals": [{"authenticated": {"principalName": {"exact": f"spiffe://{who}"}}} for who in principals],
    }
    rules = {"action": "ALLOW", "policies": {"ztunnel": policy} if principals else {}}
    return envoy.extension("envoy.filters.http.rbac", "filters.http.rbac.v3.RBAC", rules=rules)


def _pod(service: str) -> Config:
    """Return what answers for the pods of a Service: it says what it was asked."""
    answer = {
        "match": {"prefix": "/"},
        "directResponse": {"status": 200, "body": {"inlineString": service}},
        "responseHeadersToAdd": [
            {"header": {"key": "seen-path", "value": "%REQ(:path)%"}},
            {"header": {"key": "seen-client", "value": "%REQ(x-forwarded-for)%"}},
        ],
    }
    reader = envoy.http(_answering(service), [answer])
    return {"name": _answering(service), "internalListener": {}, "filterChains": [{"filters": [reader]}]}


def _answering(service: str) -> str:
    return f"pods of {service}"


def _workload(service: str) -> str:
    return f"{NAMESPACE}/{service}"


def _account(service: str, ztunnel: ZtunnelConfig) -> Account:
    workload = ztunnel.workloads[_workload(service)]
    return Account(workload.namespace, workload.service_account)
