"""The OpenAPI 3.1 document, derived from the declared operations. It says nothing that they do not do."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import FieldInfo, fields

from apps.api.examples import Examples
from apps.api.field_words import FIELD_WORDS
from apps.api.live import messages
from apps.api.operation import JSON, Operation, Problem, Router
from apps.api.permissions import ANONYMOUS_SCOPES, Permission

PROBLEM_JSON = "application/problem+json"

Document = dict[str, Any]


def render(routers: Iterable[Router], prefix: str) -> Document:
    """Return the document of the operations as they are reached under `prefix`."""
    routers = list(routers)
    operations = [operation for router in routers for operation in router.operations]
    schemas = _Schemas(kind for operation in operations for kind in _types(operation))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Sensor Analytics",
            "version": "1",
            "description": "Devices, what they measured, and what a person should look at. Times are RFC 3339 in UTC. "
            "Problems are problem+json and say what to do. Each operation names the permission that it needs; a role "
            "or a key holds some. A token that is sent must be right, also where none is needed.",
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [{"name": router.name, "description": router.description} for router in routers],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        # OpenAPI has no words for WebSockets.
        "x-websockets": {
            "/live": {
                "description": "Live updates: subscribe, then a snapshot, then what is new.",
                "from_client": [_message(kind, schemas) for kind in messages.FROM_CLIENT],
                "from_server": [_message(kind, schemas) for kind in messages.FROM_SERVER],
            }
        },
    }
    return _with_plain_names(document)


def _with_plain_names(document: Document) -> Document:
    """Call Page[Device] DevicePage; msgspec calls it Page_Device_, which no client would."""
    text = re.sub(rb"Page_(\w+?)_\b|Page\[(\w+)\]", rb"\1\2Page", msgspec.json.encode(document))
    plain: Document = msgspec.json.decode(text)
    return plain


class _Schemas:
    """JSON Schemas of all types, those with a name as components."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        self._kinds = [Problem, *messages.FROM_CLIENT, *messages.FROM_SERVER, *kinds]
        self._schemas, self.components = msgspec.json.schema_components(
            self._kinds, ref_template="#/components/schemas/{name}"
        )
        for component in self.components.values():
            for name, field in component.get("properties", {}).items():
                if name in FIELD_WORDS and (meaning := FIELD_WORDS[name].meaning) is not None:
                    field.setdefault("description", meaning)
        self.examples = Examples(self.components)

    def of(self, kind: Any) -> dict[str, Any]:
        return self._schemas[self._kinds.index(kind)]


def _operation(operation: Operation, schemas: _Schemas) -> Document:
    described: Document = {
        "operationId": operation.handler.__name__,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "x-permission": operation.permission,
        "parameters": list(_parameters(operation, schemas)),
        "responses": _responses(operation, schemas),
    }
    if operation.permission is not Permission.PUBLIC:
        described["security"] = [{"key": [operation.permission]}]
        if operation.permission in ANONYMOUS_SCOPES:
            described["security"].append({})
    if operation.consumes:
        content = _content(operation.consumes, schemas)
        for media_type, media in content.items():
            if media_type == JSON:
                media["example"] = schemas.examples.request(media["schema"])
        described["requestBody"] = {"required": True, "content": content}
    return described


def _message(kind: type[messages.Message], schemas: _Schemas) -> Document:
    return {"x-permission": kind.permission, **schemas.of(kind)}


def _parameters(operation: Operation, schemas: _Schemas) -> Iterable[Document]:
    for name, kind in operation.path_parameters.items():
        yield _parameter("path", name, schemas.of(kind), required=True)
    for name, kind, field in _query_fields(operation):
        schema = dict(schemas.of(kind))
        if field.default not in (None, msgspec.NODEFAULT):
            schema["default"] = field.default
        yield _parameter("query", name, schema, required=field.required)
    for name, kind in _headers(operation).items():
        yield _parameter("header", name, schemas.of(kind), required=False)


def _parameter(location: str, name: str, schema: Mapping[str, Any], *, required: bool) -> Document:
    schema = dict(schema)
    if "examples" not in schema and (example := _EXAMPLES.get(name)) is not None:
        schema["examples"] = [example]
    described = {"name": name, "in": location, "required": required, "schema": schema}
    if "description" in schema:
        described["description"] = schema.pop("description")
    return described


def _responses(operation: Operation, schemas: _Schemas) -> Document:
    success: Document = {"description": HTTPStatus(operation.status).phrase}
    if operation.produces:
        success["content"] = _content(operation.produces, schemas)
        if JSON in operation.produces:
            media = success["content"][JSON]
            media["example"] = schemas.examples.answer(media["schema"])
    if operation.etag:
        success["headers"] = {"ETag": {"schema": {"type": "string"}}}
    responses = {str(operation.status): success}
    if operation.etag:
        responses["304"] = {"description": "Unchanged since If-None-Match"}
    for status, description in sorted(_problems(operation).items()):
        content = {PROBLEM_JSON: {"schema": schemas.of(Problem)}}
        responses[str(status)] = {"description": description, "content": content}
    return responses


def _problems(operation: Operation) -> dict[int, str]:
    problems = {
        401: "Nobody knows who asks, or the token is wrong",
        422: "A parameter or the body is not as described here",
        503: "The database cannot serve it now: try again after Retry-After",
    }
    if operation.permission is not Permission.PUBLIC:
        problems[403] = f"Whoever asks has not the permission {operation.permission}"
    if operation.rate is not None:
        problems[429] = f"More than {operation.rate.per_minute:g} times a minute: ask again after Retry-After"
    if operation.query is not None or operation.consumes:
        problems[400] = "A parameter contradicts another, or the body cannot be read"
    if operation.consumes:
        problems |= {
            408: "The body did not arrive in time",
            413: f"The body holds over {operation.body_limit} bytes",
            415: "The body is of another media type",
        }
    return problems | dict(operation.errors)


def _content(by_media_type: Mapping[str, Any], schemas: _Schemas) -> Document:
    return {media_type: {"schema": schemas.of(kind)} for media_type, kind in by_media_type.items()}


def _types(operation: Operation) -> Iterable[Any]:
    yield from operation.path_parameters.values()
    yield from (kind for _, kind, _ in _query_fields(operation))
    yield from _headers(operation).values()
    yield from operation.consumes.values()
    yield from operation.produces.values()


def _query_fields(operation: Operation) -> Iterable[tuple[str, Any, FieldInfo]]:
    if operation.query is not None:
        hints = get_type_hints(operation.query, include_extras=True)
        for field in fields(operation.query):
            yield field.encode_name, _without_none(hints[field.name]), field


def _headers(operation: Operation) -> dict[str, Any]:
    own = {header.name: _without_none(header.kind) for header in operation.headers.values()}
    return own | ({"if-none-match": IfNoneMatch} if operation.etag else {})


def _without_none(kind: Any) -> Any:
    """A parameter that may be left out is never null."""
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(member for member in get_args(kind) if member is not NoneType)]  # noqa: UP007 - built at run time
    return kind


_EXAMPLES = {"alert_id": "4f9c1b0e-6c1f-4a0e-9d51-0a1b2c3d4e5f", "rule_id": "boiler-too-hot"}
"""Of parameters in paths, where their type has none."""

IfNoneMatch = Annotated[str, msgspec.Meta(description="An ETag that you have: 304 when it is still the newest")]
