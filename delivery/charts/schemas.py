"""What the API server would refuse: objects that do not fit their schema, that of Kubernetes or of a chart's type."""

from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from delivery.charts.checks import Rendered
from delivery.recording import Graph

Schema = Mapping[str, Any]

NAMED = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
"""What every object has, whatever the schema of its type says."""


def refused(rendered: Rendered, graph: Graph, kubernetes: str) -> Iterator[str]:
    """Yield what charts make, and which custom resources of a stack, are refused and why; unknown fields are wrong.

    What types demand in CEL the API server knows (`delivery.charts.server`).
    """
    types = {kind: Draft202012Validator(closed(schema)) for kind, schema in _types(rendered)}
    for _, manifest in rendered.objects:
        yield from _refusals(manifest, types.get(_kind(manifest)), kubernetes)
    for declared in graph.resources:
        if validator := types.get(_kind(declared.inputs)):
            yield from _refusals(declared.inputs, validator, kubernetes)


def closed(schema: Schema) -> dict[str, Any]:
    """Return the JSON schema of a type's, in which a field that the API server would drop is an error."""
    result = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if "properties" in result:
        result["properties"] = {name: closed(inside) for name, inside in result["properties"].items()}
        if schema.get("x-kubernetes-embedded-resource"):
            result["properties"] = {**NAMED, **result["properties"]}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result.setdefault("additionalProperties", False)
    for below in ("items", "additionalProperties"):
        if isinstance(result.get(below), Mapping):
            result[below] = closed(result[below])
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
        result["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return result


def _types(rendered: Rendered) -> Iterator[tuple[str, Schema]]:
    for _, manifest in rendered.of("CustomResourceDefinition"):
        spec = manifest["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            properties = {**NAMED, **schema.get("properties", {})}
            yield f"{spec['group']}/{version['name']}/{spec['names']['kind']}", {**schema, "properties": properties}


def _kind(manifest: Mapping[str, Any]) -> str:
    return f"{manifest.get('apiVersion')}/{manifest.get('kind')}"


def _refusals(manifest: Mapping[str, Any], type_: Draft202012Validator | None, kubernetes: str) -> Iterator[str]:
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    if type_ is not None:
        if wrong := best_match(type_.iter_errors(manifest)):
            yield _refusal(name, wrong)
        return
    try:
        kubernetes_validate.validate(dict(manifest), kubernetes, strict=True)
    except ValidationError as wrong:
        yield _refusal(name, wrong)
    except kubernetes_validate.SchemaNotFoundError:
        yield f"{name} is of {manifest['apiVersion']}, which neither Kubernetes {kubernetes} nor a chart knows"


def _refusal(name: str, wrong: ValidationError) -> str:
    path = ".".join(str(step) for step in wrong.absolute_path)
    return f"{name} is refused: {path or 'it'}: {wrong.message[:300]}"
