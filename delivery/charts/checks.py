"""What must be true of the objects that charts make, each check with what is wrong where it is not."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from delivery.charts.helm import Installed
from delivery.cost.workloads import Workload, mebibytes, millicores, of_chart
from delivery.errors import UnknownAttributeError
from delivery.recording import Graph, RecordedResource
from policy.properties import values_named

Object = Mapping[str, Any]

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")

ADD_ON_ACCOUNTS = {("kube-system", "aws-node"), ("kube-system", "ebs-csi-controller-sa")}
"""Service accounts that EKS's add-ons bring."""

OPERATED = {"Prometheus": ("prometheus-operated", 9090), "Alertmanager": ("alertmanager-operated", 9093)}
"""The Services that the Prometheus operator makes for its resources, called so whatever the release is."""

_ADDRESS = re.compile(
    r"(?:[a-z]+://)?(?P<name>[a-z][a-z0-9-]*)(?:\.(?P<namespace>[a-z0-9-]+))?(?:\.svc(?:\.cluster\.local)?)?"
    r":(?P<port>\d{2,5})(?:/.*)?"
)


@dataclass(frozen=True, slots=True)
class Pod:
    """What a workload of a chart starts."""

    owner: str
    namespace: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """Every container, those that run first among them."""
        return [*self.spec.get("initContainers", []), *self.spec.get("containers", [])]


@dataclass(slots=True)
class Rendered:
    """What the charts of a stack make, by the namespace in which it is made."""

    objects: list[tuple[str, Object]] = field(default_factory=list)

    def add(self, namespace: str, objects: Sequence[Object]) -> None:
        """Add what a chart makes; `namespace` is where its release goes."""
        self.objects += [(manifest["metadata"].get("namespace", namespace), manifest) for manifest in objects]

    def of(self, *kinds: str) -> Iterator[tuple[str, Object]]:
        """Yield namespace and object of each of some kinds."""
        return ((namespace, manifest) for namespace, manifest in self.objects if manifest["kind"] in kinds)

    @property
    def pods(self) -> list[Pod]:
        """The pods of every workload."""
        found = []
        for namespace, manifest in self.of(*WORKLOADS):
            template = manifest["spec"]["template"]
            labels = template.get("metadata", {}).get("labels", {})
            found.append(Pod(f"{manifest['kind']} {manifest['metadata']['name']}", namespace, labels, template["spec"]))
        return found

    @property
    def apis(self) -> list[str]:
        """What the CustomResourceDefinitions serve, as `group/version/kind`."""
        return sorted(
            f"{manifest['spec']['group']}/{version['name']}/{manifest['spec']['names']['kind']}"
            for _, manifest in self.of("CustomResourceDefinition")
            for version in manifest["spec"]["versions"]
            if version["served"]
        )


def of_objects(rendered: Rendered) -> Iterator[str]:
    """Check what a chart makes by itself."""
    for pod in rendered.pods:
        yield from _requests(pod)
        yield from _node_logs(pod)
        yield from _host_ports(pod)
    for _, manifest in rendered.of(*OPERATED):
        if not _asks(manifest["spec"]):
            yield f"{manifest['kind']} {manifest['metadata']['name']} has no requests of CPU and memory"
    for _, manifest in rendered.of("StatefulSet"):
        if manifest["spec"].get("persistentVolumeClaimRetentionPolicy", {}).get("whenDeleted") == "Delete":
            yield f"StatefulSet {manifest['metadata']['name']} takes its volumes with it when it is deleted"
    for _, manifest in rendered.of("Secret"):
        if "admin-password" in manifest.get("data", {}):
            yield f"Secret {manifest['metadata']['name']} holds an administrator's password, whom nobody makes"


def of_stack(rendered: Rendered, graph: Graph) -> Iterator[str]:
    """Check what charts make against what the stack's own resources say of it."""
    yield from _scrapes(rendered)
    yield from _addresses(rendered, graph)
    yield from _accounts(rendered, graph)
    yield from _policies(rendered, graph)
    served = {f"{group}/{version}:{kind}" for group, version, kind in (api.split("/") for api in rendered.apis)}
    for resource in graph.resources:
        kind = f"{resource.inputs.get('apiVersion')}:{resource.inputs.get('kind')}"
        if (
            resource.type == f"kubernetes:{kind}"
            and "." in kind.partition("/")[0]
            and _custom(resource)
            and kind not in served
        ):
            yield f"{resource.name} is a {kind}, which no chart's CustomResourceDefinition serves"


def of_workloads(rendered: Rendered, wanted: Installed) -> Iterator[str]:
    """Check what a chart runs against what the cost counts with. Prices and places of pods are made of that."""
    try:
        counted = {workload.name: workload for workload in of_chart(wanted.chart, wanted.version, wanted.values)}
    except UnknownAttributeError as error:
        yield str(error)
        return
    running = _workloads(rendered)
    for name in sorted(counted.keys() | running.keys()):
        if counted.get(name) != running.get(name):
            yield f"runs {running.get(name)}, and CHARTS of delivery/cost/workloads.py says {counted.get(name)}"


def _workloads(rendered: Rendered) -> dict[str, Workload]:
    found = {}
    for _, manifest in rendered.of(*WORKLOADS, *OPERATED):
        spec = manifest["spec"]
        if manifest["kind"] in OPERATED:
            containers, first = [_requests_of(spec), _reloader(rendered)], []
        else:
            pod = spec["template"]["spec"]
            containers, first = (
                [_requests_of(container) for container in pod.get(kind, [])]
                for kind in ("containers", "initContainers")
            )
        replicas = int(spec.get("replicas", 1))
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        found[name] = Workload(
            name=name,
            # What runs first runs alone.
            cpu_m=max([sum(cpu for cpu, _ in containers), *(cpu for cpu, _ in first)]),
            memory_mib=max([sum(memory for _, memory in containers), *(memory for _, memory in first)]),
            replicas=replicas,
            most=replicas,
            on_every_node=manifest["kind"] == "DaemonSet",
        )
    return found


def _requests_of(container: Object) -> tuple[int, int]:
    requests = (container.get("resources") or {}).get("requests") or {}
    return millicores(str(requests.get("cpu", "0"))), mebibytes(str(requests.get("memory", "0Mi")))


def _reloader(rendered: Rendered) -> tuple[int, int]:
    """Return what the operator gives the container that it puts beside each of its resources."""
    arguments = dict(
        argument.removeprefix("--config-reloader-").split("=", 1)
        for pod in rendered.pods
        for container in pod.containers
        for argument in container.get("args", [])
        if argument.startswith("--config-reloader-")
    )
    return millicores(arguments.get("cpu-request", "0")), mebibytes(arguments.get("memory-request", "0Mi"))


def _custom(resource: RecordedResource) -> bool:
    group = str(resource.inputs["apiVersion"]).partition("/")[0]
    return not group.endswith((".k8s.io",)) or group == "elbv2.k8s.aws"


def _asks(container: Object) -> bool:
    return {"cpu", "memory"} <= ((container.get("resources") or {}).get("requests") or {}).keys()


def _requests(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        if not _asks(container):
            yield f"{pod.owner}: {container['name']} has no requests of CPU and memory"


def _node_logs(pod: Pod) -> Iterator[str]:
    volumes = {volume["name"]: volume.get("hostPath", {}).get("path", "") for volume in pod.spec.get("volumes", [])}
    for container in pod.containers:
        mounted = [volumes.get(mount["name"], "") for mount in container.get("volumeMounts", [])]
        user = {**(pod.spec.get("securityContext") or {}), **(container.get("securityContext") or {})}.get("runAsUser")
        if user != 0 and any(path.startswith("/var/log") for path in mounted):
            yield f"{pod.owner}: {container['name']} reads the nodes' logs, which only root may, and is not root"


def _host_ports(pod: Pod) -> Iterator[str]:
    for container in pod.containers:
        for port in container.get("ports", []):
            if port.get("hostPort") and not pod.spec.get("hostNetwork"):
                yield f"{pod.owner}: {container['name']} opens port {port['hostPort']} of its node"


def _seconds(duration: str) -> float:
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", duration))


def _scrapes(rendered: Rendered) -> Iterator[str]:
    """The operator refuses a monitor whose time-out is longer than its interval, and its alert stands for ever."""
    usual = next((manifest["spec"].get("scrapeInterval", "30s") for _, manifest in rendered.of("Prometheus")), "30s")
    for _, manifest in rendered.of("ServiceMonitor", "PodMonitor"):
        for endpoint in manifest["spec"].get("endpoints", manifest["spec"].get("podMetricsEndpoints", [])):
            interval, timeout = endpoint.get("interval") or usual, endpoint.get("scrapeTimeout") or "0s"
            if _seconds(timeout) > _seconds(interval):
                name = f"{manifest['kind']} {manifest['metadata']['name']}"
                yield f"{name} waits {timeout} for what it scrapes every {interval}: the operator refuses it"


def _addresses(rendered: Rendered, graph: Graph) -> Iterator[str]:
    services = _services(rendered, graph)
    for resource in graph.resources:
        home = str(resource.inputs.get("namespace") or (resource.inputs.get("metadata") or {}).get("namespace"))
        within = resource.inputs.get("values") if resource.type.endswith(":Release") else resource.inputs.get("spec")
        for text in sorted(set(_texts(within))):
            found = _ADDRESS.fullmatch(text)
            if found is None or (found["namespace"] or home) not in {namespace for namespace, _ in services}:
                continue
            ports = services.get((found["namespace"] or home, found["name"]))
            if ports is None:
                yield f"{resource.name} names {text}, and there is no Service {found['name']}"
            elif int(found["port"]) not in ports:
                yield f"{resource.name} names {text}, and Service {found['name']} has the ports {sorted(ports)}"


def _services(rendered: Rendered, graph: Graph) -> dict[tuple[str, str], set[int]]:
    """Return the ports behind which pods stand, by namespace and Service."""
    found: dict[tuple[str, str], set[int]] = {}
    pods = rendered.pods
    for namespace, manifest in rendered.of("Service"):
        selector = manifest["spec"].get("selector") or {}
        behind = [pod for pod in pods if pod.namespace == namespace and selector.items() <= pod.labels.items()]
        offered = {
            port.get(key) for pod in behind for c in pod.containers for port in c.get("ports", []) for key in _PORT
        }
        found[namespace, manifest["metadata"]["name"]] = {
            port["port"]
            for port in manifest["spec"].get("ports", [])
            if port.get("targetPort", port["port"]) in offered
        }
    for namespace, manifest in rendered.of(*OPERATED):
        name, port = OPERATED[manifest["kind"]]
        found[namespace, name] = {port}
    for own in graph.of("kubernetes:core/v1:Service"):
        about = own.inputs["metadata"]
        found[about["namespace"], about["name"]] = {int(port["port"]) for port in own.inputs["spec"]["ports"]}
    return found


_PORT = ("name", "containerPort")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inside in value.values():
            yield from _texts(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside)


def _accounts(rendered: Rendered, graph: Graph) -> Iterator[str]:
    """An identity is of a service account by its name: of another one, pods have none."""
    own = {
        (resource.inputs["metadata"]["namespace"], resource.inputs["metadata"]["name"])
        for resource in graph.of("ServiceAccount")
    }
    used = {(pod.namespace, pod.spec.get("serviceAccountName", "default")) for pod in rendered.pods}
    for resource in graph.of("PodIdentityAssociation"):
        account = (str(resource.inputs["namespace"]), str(resource.inputs["serviceAccount"]))
        if account not in used | own | ADD_ON_ACCOUNTS:
            yield f"{resource.name} is for the service account {'/'.join(account)}, as which no pod runs"


def _own_labels(graph: Graph) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield namespace and labels of the pods that a stack's own workloads start, directly or through a controller."""
    for kind in ("Deployment", "Rollout", "kubernetes:batch/v1:Job", "CronJob", "AnalysisTemplate"):
        for resource in graph.of(kind):
            for template in values_named(resource.inputs["spec"], "template"):
                if isinstance(template, Mapping) and "metadata" in template:
                    yield resource.inputs["metadata"]["namespace"], template["metadata"].get("labels", {})


def _policies(rendered: Rendered, graph: Graph) -> Iterator[str]:
    """A network policy that selects nobody opens nothing."""
    labels = [*((pod.namespace, pod.labels) for pod in rendered.pods), *_own_labels(graph)]
    # The operator labels the pods of its resources so.
    labels += [
        (namespace, {"app.kubernetes.io/name": manifest["kind"].lower()})
        for namespace, manifest in rendered.of(*OPERATED)
    ]
    namespaces = {namespace for namespace, _ in labels}
    for policy in graph.of("NetworkPolicy"):
        selector = (policy.inputs["spec"].get("podSelector") or {}).get("matchLabels") or {}
        namespace = policy.inputs["metadata"]["namespace"]
        meets = (inside == namespace and selector.items() <= pod.items() for inside, pod in labels)
        if namespace in namespaces and selector and not any(meets):
            yield f"NetworkPolicy {policy.name} selects {dict(selector)}, which no pod of {namespace} carries"
