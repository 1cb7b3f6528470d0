"""What the proxies of a mesh are told by Istio's control plane: which calls each workload hears, and where requests go.

What istiod tells ztunnel is judged here by the rules of ztunnel (its src/rbac.rs).
"""

import json
import subprocess
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.workload.istio import CONTROL_PLANE, INGRESS, INGRESS_PORT
from tests.support import xds
from tests.support.istio import Istiod, eventually
from tests.support.played_pods import ApiServer
from tests.support.rollouts import kubectl

ROUTES = f"http.{INGRESS_PORT}"
"""What the gateway calls the routes of the port that the load balancer calls."""
ALLOW, NAMESPACE_WIDE = 0, 1


@dataclass(slots=True)
class ZtunnelConfig:
    """What the proxy of a node knows."""

    workloads: dict[str, Any] = field(default_factory=dict)
    """By namespace and name of the Deployment."""
    policies: dict[str, Any] = field(default_factory=dict)

    def hears(self, workload: str, principal: str, port: int) -> bool:
        """Whether a workload hears a caller; who proves nothing has no principal."""
        called = self.workloads[workload]
        of_all = [
            name
            for name, policy in self.policies.items()
            if policy.namespace in ("", called.namespace) and policy.scope <= NAMESPACE_WIDE
        ]
        known = [self.policies[name] for name in (*of_all, *called.authorization_policies)]
        if any(_applies(policy, principal, port) for policy in known if policy.action != ALLOW):
            return False
        allowing = [policy for policy in known if policy.action == ALLOW]
        return not allowing or any(_applies(policy, principal, port) for policy in allowing)


def _applies(policy: Any, principal: str, port: int) -> bool:
    assert not policy.dry_run
    return any(
        all(any(_meets(match, principal, port) for match in rule.matches) or not rule.matches for rule in group.rules)
        for group in policy.groups
    )


def _meets(match: Any, principal: str, port: int) -> bool:
    known = {"principals", "not_principals", "destination_ports", "not_destination_ports"}
    set_fields = {found.name for found, _ in match.ListFields()}
    assert set_fields <= known, f"a match that is not read here: {set_fields}"
    who = [_is(text, principal) for text in match.principals]
    others = [_is(text, principal) for text in match.not_principals]
    return (
        bool(set_fields)
        and (not who or any(who))
        and not any(others)
        and (not match.destination_ports or port in match.destination_ports)
        and port not in match.not_destination_ports
    )


def _is(text: Any, principal: str) -> bool:
    if text.HasField("presence"):
        return bool(principal)
    assert not text.prefix, "a prefix is not read here"
    assert not text.suffix, "a suffix is not read here"
    return bool(text.exact == principal)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Asks, as the proxies of a cluster would."""

    istiod: Istiod
    kubeconfig: Path

    def told_to_ztunnel(self) -> ZtunnelConfig:
        """Return what the proxy of a node is told."""
        metadata = {"NAMESPACE": "istio-system", "NODE_NAME": "node-0"}
        node = "ztunnel~10.0.0.1~ztunnel-0.istio-system~istio-system.svc.cluster.local"
        ztunnel = ZtunnelConfig()
        every = {xds.ADDRESS: ["*"], xds.AUTHORIZATION: ["*"]}
        with xds.connected(self.istiod.xds, node, metadata, every) as answers:
            for address in answers[xds.ADDRESS]:
                if address.HasField("workload"):
                    workload = address.workload
                    called = f"{workload.namespace}/{workload.workload_name}"
                    # Of several pods, one that is not in the mesh.
                    if called not in ztunnel.workloads or workload.tunnel_protocol != xds.HBONE:
                        ztunnel.workloads[called] = workload
            ztunnel.policies = {
                f"{workload.namespace}/{workload.name}": workload for workload in answers[xds.AUTHORIZATION]
            }
        return ztunnel

    def told_to_gateway(self, endpoints_of: Sequence[str] = ()) -> dict[str, Any]:
        """Envoy's configuration of the gateway, by its parts. `endpoints_of`: clusters that are asked for theirs."""
        pod = self.gateway_pod()
        name = pod["metadata"]["name"]
        metadata = {
            "NAMESPACE": "sensors",
            "SERVICE_ACCOUNT": INGRESS,
            "LABELS": pod["metadata"]["labels"],
            "ISTIO_VERSION": CONTROL_PLANE.version,
            "ENABLE_HBONE": "true",
        }
        node = f"router~{pod['status']['podIP']}~{name}.sensors~sensors.svc.cluster.local"
        types = {xds.CLUSTER: ["*"], xds.LISTENER: ["*"], xds.ROUTE: [ROUTES]}
        if endpoints_of:
            types[xds.ENDPOINT] = list(endpoints_of)
        with xds.connected(self.istiod.xds, node, metadata, types):
            dump = self.istiod.debug(f"config_dump?proxyID={name}.sensors&include_eds=true")
        return {section["@type"].rpartition(".")[2]: section for section in dump["configs"]}

    def gateway_pod(self) -> dict[str, Any]:
        """Return the first of the gateway's pods."""
        (pod, *_) = self.pods(f"app.kubernetes.io/name={INGRESS}")
        return pod

    def shares(self, path: str) -> dict[str, int]:
        """Return percent of the requests for a path, by the Service that the gateway sends them to; none has 0."""
        (found,) = [
            route
            for route in routes(self.told_to_gateway())
            if route["match"].get("pathSeparatedPrefix", route["match"].get("prefix")) == path
        ]
        clusters = found["route"].get("weightedClusters", {}).get("clusters", [])
        clusters = clusters or [{"name": found["route"]["cluster"], "weight": 100}]
        return {cluster["name"].rpartition("|")[2].partition(".")[0]: cluster.get("weight", 0) for cluster in clusters}

    def take_in(self, workloads: Set[str]) -> None:
        """Say of each pod of the namespace that its connections are redirected, as Istio's agent on its node does.

        Waits until these and the gateway have pods.
        """

        def running() -> bool:
            ready = [pod for pod in self.pods("") if pod["status"].get("podIP") and pod["status"]["phase"] == "Running"]
            return {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in ready} >= {*workloads, INGRESS}

        eventually(running)
        members = ("-n", "sensors", "-l", f"app.kubernetes.io/name!={INGRESS}", "--overwrite")
        kubectl(self.kubeconfig, "annotate", "pods", *members, "ambient.istio.io/redirection=enabled")

    def pods(self, labels: str) -> list[dict[str, Any]]:
        """Return the pods of the namespace of the services that have these labels."""
        path = f"/api/v1/namespaces/sensors/pods?labelSelector={labels}"
        found: list[dict[str, Any]] = ApiServer(self.kubeconfig).get(path)["items"]
        return found

    def refused(self, manifest: dict[str, Any]) -> str:
        """Try an object that must not be accepted, and return what is said."""
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), "apply", "--dry-run=server", "-f", "-"]
        done = subprocess.run(command, input=json.dumps(manifest), capture_output=True, text=True, check=False)
        assert done.returncode, done.stdout
        return done.stderr


def routes(dump: dict[str, Any]) -> list[dict[str, Any]]:
    """The routes of the port that the load balancer calls, in their order."""
    (config,) = [
        entry["routeConfig"]
        for entry in dump["RoutesConfigDump"]["dynamicRouteConfigs"]
        if entry["routeConfig"]["name"] == ROUTES
    ]
    (host,) = config["virtualHosts"]
    found: list[dict[str, Any]] = host["routes"]
    return found
