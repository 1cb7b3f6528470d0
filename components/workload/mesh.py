"""A mesh: who may call a workload, by the identity of its pods, and how requests from outside are divided. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from apps.platform.declaration import Server

NETWORKING_API = "networking.istio.io/v1"
SECURITY_API = "security.istio.io/v1"

CLUSTER_DOMAIN = "cluster.local"
"""What names in the cluster end with; Istio calls the trust between its workloads so, too."""

DATAPLANE_LABEL = {"istio.io/dataplane-mode": "ambient"}
"""What takes a pod, or all pods of a namespace, into the mesh."""


@dataclass(frozen=True, slots=True)
class Account:
    """A service account: in a mesh, the identity that its pods prove."""

    namespace: str
    name: str

    @property
    def principal(self) -> str:
        """Its name in certificates and policies."""
        return f"{CLUSTER_DOMAIN}/ns/{self.namespace}/sa/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """What the workloads of a namespace in a mesh must know of it.

    `ingress`: the gateway through which requests from outside come; its pods and its Gateway are called as its account.
    `scraper`: who asks for metrics. `after`: what is there before an object of the mesh is made.
    """

    ingress: Account
    scraper: Account
    after: Sequence[pulumi.Resource] = ()


def authorization_policy(labels: Mapping[str, str], callers: Sequence[Account], port: int) -> dict[str, Any]:
    """Return the spec of an AuthorizationPolicy: these callers may connect to that port, and nobody else to any."""
    return {
        "selector": {"matchLabels": dict(labels)},
        "action": "ALLOW",
        "rules": [
            {
                "from": [{"source": {"principals": sorted(caller.principal for caller in callers)}}],
                "to": [{"operation": {"ports": [str(port)]}}],
            }
        ],
    }


def virtual_service(server: Server, mesh: Mesh, namespace: str, services: Mapping[str, int]) -> dict[str, Any]:
    """Return the spec of a VirtualService: where the gateway sends requests for the public paths of a server.

    `services`: percent of the requests by the name of a Service. Others than these paths are sent to it by nobody.
    """
    return {
        "hosts": ["*"],
        "gateways": [mesh.ingress.name],
        "http": [
            {
                "name": server.name,
                "match": [match for prefix in server.public for match in _matches(prefix)],
                # The load balancer appended who asks; the gateway would append the load balancer.
                "headers": {"request": {"set": {"x-forwarded-for": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}}},
                # Only what nobody has received is sent again.
                "retries": {"attempts": 2, "retryOn": "connect-failure,refused-stream"},
                "route": [
                    {
                        "destination": {
                            "host": f"{service}.{namespace}.svc.{CLUSTER_DOMAIN}",
                            "port": {"number": server.port},
                        },
                        "weight": percent,
                    }
                    for service, percent in services.items()
                ],
            }
        ],
    }


def _matches(prefix: str) -> list[dict[str, Any]]:
    if prefix == "/":
        return [{"uri": {"prefix": "/"}}]
    return [{"uri": {"exact": prefix}}, {"uri": {"prefix": f"{prefix}/"}}]
