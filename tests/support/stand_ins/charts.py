"""A folder with a small chart for each one that the stacks install: of the same name, with the types that we use.

A chart here brings one pod, so that the engine has something to wait for, and the CustomResourceDefinitions of its own
program, as strict as what we rely on of them.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import yaml

import components
from components.cluster.chart import Chart

STRING = {"type": "string"}
STRINGS = {"type": "object", "additionalProperties": STRING}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def object_of(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """A schema of an object; keys that it does not name are refused by strict decoding."""
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


def list_of(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of a list."""
    return {"type": "array", "items": schema}


SECRET_DATA = list_of(
    object_of(("secretKey", "remoteRef"), secretKey=STRING, remoteRef=object_of(("key",), key=STRING, property=STRING))
)
TYPES: dict[str, list[tuple[str, str, str, str, dict[str, Any]]]] = {
    "aws-load-balancer-controller": [
        (
            "elbv2.k8s.aws",
            "v1beta1",
            "TargetGroupBinding",
            "Namespaced",
            object_of(
                ("targetGroupARN", "serviceRef"),
                targetGroupARN=STRING,
                targetType={"type": "string", "enum": ["ip", "instance"]},
                vpcID=STRING,
                serviceRef=object_of(("name", "port"), name=STRING, port={"x-kubernetes-int-or-string": True}),
            ),
        )
    ],
    "external-secrets": [
        (
            "external-secrets.io",
            "v1",
            "ClusterSecretStore",
            "Cluster",
            object_of(
                ("provider",),
                conditions=list_of(object_of(namespaces=list_of(STRING))),
                provider=object_of(
                    aws=object_of(
                        ("region", "service"),
                        region=STRING,
                        service={"type": "string", "enum": ["SecretsManager", "ParameterStore"]},
                    )
                ),
            ),
        ),
        (
            "external-secrets.io",
            "v1",
            "ExternalSecret",
            "Namespaced",
            object_of(
                refreshInterval=STRING,
                secretStoreRef=object_of(kind=STRING, name=STRING),
                target=object_of(
                    name=STRING,
                    creationPolicy={"type": "string", "enum": ["Owner", "Orphan", "Merge", "None"]},
                    deletionPolicy={"type": "string", "enum": ["Delete", "Merge", "Retain"]},
                ),
                data=SECRET_DATA,
            ),
        ),
    ],
    "prometheus-operator-crds": [
        (
            "monitoring.coreos.com",
            "v1",
            "ServiceMonitor",
            "Namespaced",
            object_of(
                ("endpoints", "selector"),
                endpoints=list_of(object_of(port=STRING, path=STRING, interval=STRING)),
                selector=object_of(matchLabels=STRINGS),
            ),
        ),
        (
            "monitoring.coreos.com",
            "v1",
            "PrometheusRule",
            "Namespaced",
            object_of(groups=list_of(object_of(("name",), name=STRING, interval=STRING, rules=list_of(ANYTHING)))),
        ),
    ],
}
"""Chart -> group, version, kind, scope and the schema of the spec."""

POD = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ ((.Values.serviceAccount | default dict).name) | default .Chart.Name }}
  namespace: {{ .Release.Namespace }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Chart.Name }}
  namespace: {{ .Release.Namespace }}
spec:
  selector:
    matchLabels: {app: {{ .Chart.Name }}}
  template:
    metadata:
      labels: {app: {{ .Chart.Name }}}
    spec:
      serviceAccountName: {{ ((.Values.serviceAccount | default dict).name) | default .Chart.Name }}
      containers:
        - name: program
          image: example.com/{{ .Chart.Name }}:{{ .Chart.Version }}
"""


def every_chart() -> dict[str, Chart]:
    """Every chart that a component names."""
    names = [found.name for found in pkgutil.walk_packages(components.__path__, "components.")]
    modules = [importlib.import_module(name) for name in names]
    values = [value for module in modules for value in vars(module).values()]
    of_versions = [chart for value in values if isinstance(value, dict) for chart in value.values()]
    return {chart.name: chart for chart in (*values, *of_versions) if isinstance(chart, Chart)}


def write(folder: Path) -> Path:
    """Write the charts; the folder is what `charts.mirror` takes."""
    for chart in every_chart().values():
        write_chart(folder, chart)
    return folder


def write_chart(folder: Path, chart: Chart) -> None:
    """Write one of them, in the place of another version of it."""
    home = folder / chart.name
    (home / "templates").mkdir(parents=True, exist_ok=True)
    about = {"apiVersion": "v2", "name": chart.name, "version": chart.version, "description": "A stand-in for tests"}
    (home / "Chart.yaml").write_text(yaml.safe_dump(about))
    (home / "values.yaml").write_text("")
    if chart.name in TYPES:
        (home / "crds").mkdir(exist_ok=True)
        definitions = [definition(*kind) for kind in TYPES[chart.name]]
        (home / "crds" / "types.yaml").write_text(yaml.safe_dump_all(definitions))
    if chart.name != "prometheus-operator-crds":
        (home / "templates" / "pod.yaml").write_text(POD)


def definition(group: str, version: str, kind: str, scope: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A CustomResourceDefinition."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": object_of(spec=spec, status=ANYTHING)},
                }
            ],
        },
    }
