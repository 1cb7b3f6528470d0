"""What a real API server refuses: rules of types in CEL, names, selectors, and whatever no schema says.

Namespaces and types are made on it, everything else is only tried.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from delivery.charts.checks import Object, Rendered
from delivery.recording import Graph
from devtools.api_server import ApiServer

SETTLE_SECONDS = 60
"""How long a new type may take until it is served."""


def refused(rendered: Rendered, graph: Graph, server: ApiServer) -> Iterator[str]:
    """Yield which objects of charts and of a stack the server refuses, and why."""
    objects = [*rendered.objects, *declared_objects(graph)]
    types = [manifest for _, manifest in objects if manifest["kind"] == "CustomResourceDefinition"]
    with _client(server) as client:
        tried = _Tried(client)
        for name in sorted({namespace for namespace, _ in objects if namespace}):
            yield from tried.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        made_or_not = [tried.make(manifest) for manifest in types]
        for manifest, refusals in zip(types, made_or_not, strict=True):
            yield from refusals or tried.await_served(manifest)
        for namespace, manifest in objects:
            if manifest["kind"] != "CustomResourceDefinition":
                yield from tried.attempt(manifest, namespace)


def declared_objects(graph: Graph) -> Iterator[tuple[str, Object]]:
    """Yield namespace and object of each that a stack itself declares."""
    for declared in graph.resources:
        kind = f"kubernetes:{declared.inputs.get('apiVersion')}:{declared.inputs.get('kind')}"
        # The engine calls the group without a name `core`.
        if declared.type in {kind, kind.replace(":v1:", ":core/v1:")}:
            about = {"name": declared.name, **declared.inputs["metadata"]}
            yield about.get("namespace", ""), {**declared.inputs, "metadata": about}


def _client(server: ApiServer) -> httpx.Client:
    headers = {"Authorization": f"Bearer {server.token}"}
    return httpx.Client(base_url=server.url, headers=headers, verify=server.tls, timeout=60)


class _Tried:
    """Objects at a server."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._resources: dict[str, Mapping[str, tuple[str, bool]]] = {}

    def make(self, manifest: Object) -> list[str]:
        """Make an object; return why it is refused, if it is."""
        return self._apply(manifest, "", {})

    def attempt(self, manifest: Object, namespace: str) -> list[str]:
        """Ask whether an object would be taken; return why not, if it is not."""
        return self._apply(manifest, namespace, {"dryRun": "All"})

    def await_served(self, type_: Object) -> list[str]:
        """Wait until objects of a type are taken; return what is wrong when that takes too long."""
        spec, until = type_["spec"], time.monotonic() + SETTLE_SECONDS
        homes = {f"/apis/{spec['group']}/{version['name']}" for version in spec["versions"] if version["served"]}
        while time.monotonic() < until:
            homes = {home for home in homes if spec["names"]["kind"] not in self._served(home)}
            if not homes:
                return []
            time.sleep(0.2)
        return [f"{type_['metadata']['name']} was not served after {SETTLE_SECONDS} s"]

    def _apply(self, manifest: Object, namespace: str, how: Mapping[str, str]) -> list[str]:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        try:
            path = self._path(manifest, namespace)
        except LookupError:
            return [f"{name} is of {manifest['apiVersion']}, which the API server does not serve"]
        answer = self._client.patch(
            path,
            json=manifest,
            headers={"Content-Type": "application/apply-patch+yaml"},
            params={"fieldManager": "charts", "force": "true", **how},
        )
        return [] if answer.is_success else [f"{name} is refused by the API server: {answer.json()['message'][:500]}"]

    def _path(self, manifest: Object, namespace: str) -> str:
        group = manifest["apiVersion"]
        home = f"/apis/{group}" if "/" in group else f"/api/{group}"
        if manifest["kind"] not in self._resources.get(home, {}):
            self._served(home)
        plural, namespaced = self._resources[home][manifest["kind"]]
        within = f"/namespaces/{namespace}" if namespaced else ""
        return f"{home}{within}/{plural}/{manifest['metadata']['name']}"

    def _served(self, home: str) -> Mapping[str, tuple[str, bool]]:
        """Ask what a version of a group serves: kind -> name in paths, and whether it lies in namespaces."""
        answer = self._client.get(home)
        listed: list[dict[str, Any]] = answer.json()["resources"] if answer.is_success else []
        self._resources[home] = {
            resource["kind"]: (resource["name"], resource["namespaced"])
            for resource in listed
            if "/" not in resource["name"]
        }
        return self._resources[home]
