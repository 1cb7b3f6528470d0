"""What MiniStack's EKS lacks of a cluster's life: other versions, other sizes, and which add-ons go with which version.

It refuses what AWS refuses: a desired size that is not between the limits, and nodes newer than their control plane.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import eks

Answer = tuple[int, dict[str, str], bytes]
Body = Mapping[str, Any]


handle_request: Callable[..., Answer] = eks._handle_request_sync


def with_updates(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
) -> Answer:
    """Answer a request to EKS."""
    for verb, pattern, answer in ROUTES:
        if verb == method and (found := re.fullmatch(pattern, path)):
            parameters = {name: values[0] for name, values in query.items()}
            return answer(*found.groups(), body=json.loads(body or b"{}"), query=parameters)
    return handle_request(method, path, headers, body, query)


def _updated(kind: str) -> Answer:
    answer: Answer = eks._json_resp(200, {"update": _update(kind, eks.new_uuid())})
    return answer


def _update(kind: str, name: str) -> dict[str, Any]:
    return {"id": name, "status": "Successful", "type": kind, "createdAt": eks._now(), "errors": [], "params": []}


def _refused(why: str) -> Answer:
    answer: Answer = eks._error(400, "InvalidParameterException", why)
    return answer


def _describe_update(_cluster: str, name: str, **_: Any) -> Answer:
    answer: Answer = eks._json_resp(200, {"update": _update("VersionUpdate", name)})
    return answer


def _cluster_version(cluster: str, *, body: Body, **_: Any) -> Answer:
    description = eks._clusters[cluster]
    if _minor(body["version"]) != _minor(description["version"]) + 1:
        return _refused(
            f"Unsupported Kubernetes minor version update from {description['version']} to {body['version']}"
        )
    description["version"] = body["version"]
    return _updated("VersionUpdate")


def _nodes_version(cluster: str, group: str, *, body: Body, **_: Any) -> Answer:
    version = body.get("version", eks._clusters[cluster]["version"])
    if _minor(version) > _minor(eks._clusters[cluster]["version"]):
        return _refused(f"Nodegroup Kubernetes version {version} is newer than the cluster's")
    eks._nodegroups[f"{cluster}/{group}"] |= {"version": version, "releaseVersion": body.get("releaseVersion", "")}
    return _updated("VersionUpdate")


def _nodes_config(cluster: str, group: str, *, body: Body, **_: Any) -> Answer:
    nodegroup = eks._nodegroups[f"{cluster}/{group}"]
    sizes = nodegroup["scalingConfig"] | body.get("scalingConfig", {})
    minimum, maximum, desired = (sizes[name] for name in ("minSize", "maxSize", "desiredSize"))
    if minimum > desired:
        return _refused(f"Minimum capacity {minimum} can't be greater than desired size {desired}")
    if maximum < desired:
        return _refused(f"Desired capacity {desired} can't be greater than max size {maximum}")
    nodegroup["scalingConfig"] = sizes
    return _updated("ConfigUpdate")


def _addon_versions(*, query: Mapping[str, str], **_: Any) -> Answer:
    kubernetes = query["kubernetesVersion"]
    version = {
        "addonVersion": f"v{kubernetes}.0-eksbuild.1",
        "compatibilities": [{"clusterVersion": kubernetes, "defaultVersion": True}],
    }
    answer: Answer = eks._json_resp(200, {"addons": [{"addonName": query["addonName"], "addonVersions": [version]}]})
    return answer


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


NAME = "([A-Za-z0-9_-]+)"
ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/addons/supported-versions", _addon_versions),
    ("POST", f"/clusters/{NAME}/updates", _cluster_version),
    ("GET", f"/clusters/{NAME}/updates/{NAME}", _describe_update),
    ("POST", f"/clusters/{NAME}/node-groups/{NAME}/update-version", _nodes_version),
    ("POST", f"/clusters/{NAME}/node-groups/{NAME}/update-config", _nodes_config),
)
