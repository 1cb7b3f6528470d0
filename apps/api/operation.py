"""An operation is declared once: routing, validation and the OpenAPI document are derived from it.

A handler's signature is the declaration. Its first parameter is the `Context`; the others say what a request carries:

- a name that stands in the path: that part of the path
- `query`: a struct, a field for each query parameter
- `body`: what the body must hold, as JSON; `RawBody` for a handler that reads other media types itself
- any name that is annotated with a `Header`: the request header that it names, or the default when it is absent
- `caller`: who asks, a `Caller`

Anything else raises DeclarationError as the module is imported. The return annotation is the response's type;
`JsonResponse[T]` adds headers, a Starlette `Response` is sent as it is. Who may do it is the permission it declares.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from apps.api.caller import Caller
from apps.api.errors import DeclarationError
from apps.api.permissions import DEVICE_SCOPES, Permission
from apps.api.rates import Rate

Handler = Callable[..., Awaitable[Any]]
T = TypeVar("T")
H = TypeVar("H", bound=Handler)

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class JsonResponse(Generic[T]):
    """A response that needs headers besides its value."""

    value: T
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """Marks a handler's parameter: `Annotated[str | None, Header("if-match")]` is the request header of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body as it was sent, of one of the media types that the operation takes."""

    media_type: str
    content: bytes


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some rows, and where the next ones start: null after the last."""

    items: list[T]
    next_cursor: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """What went wrong and what to do about it (RFC 9457). Some problems carry more members."""

    type: str
    title: str
    status: int
    detail: str


class HeaderParameter(NamedTuple):
    """A request header, and the type of the handler's parameter that it goes to."""

    name: str
    kind: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    description: str
    path_parameters: Mapping[str, Any]
    headers: Mapping[str, HeaderParameter]
    """By the name of the handler's parameter."""
    query: type[msgspec.Struct] | None
    body: Any
    consumes: Mapping[str, Any]
    """The type of the body by media type."""
    body_limit: int
    produces: Mapping[str, Any]
    """The type of the response by media type."""
    status: int
    errors: Mapping[int, str]
    permission: Permission
    """What whoever asks must be allowed."""
    takes_caller: bool
    """Whether the handler wants to know who asks."""
    internal: bool
    """Whether it is reached from inside the cluster only, at the root and not under /api."""
    etag: bool
    """Whether its responses carry an ETag, so that an unchanged one need not be sent again."""
    rate: Rate | None
    """How often each caller may do it; None: as often as they like."""


class Router:
    """A group of operations, in the order in which they are documented."""

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self.operations: list[Operation] = []

    def without_internal(self) -> "Router":
        """Return the group without what is reached from inside the cluster only."""
        router = Router(self.name, self.description)
        router.operations = [operation for operation in self.operations if not operation.internal]
        return router

    def operation(
        self,
        method: str,
        path: str,
        *,
        permission: Permission | None = None,
        status: int = 200,
        errors: Mapping[int, str] | None = None,
        consumes: Mapping[str, Any] | None = None,
        produces: Mapping[str, Any] | None = None,
        body_limit: int = 64 * 1024,
        internal: bool = False,
        etag: bool = False,
        rate: Rate | None = None,
    ) -> Callable[[H], H]:
        """Declare the decorated handler as an operation. Its docstring is the documentation.

        Raises DeclarationError when its signature says what no request carries, when no permission is declared, and
        when no rate is declared for what devices ask for.
        """

        def declare(handler: H) -> H:
            if permission is None:
                raise DeclarationError(
                    f"{handler.__qualname__} ({path}): who may do this? Declare its permission, "
                    "Permission.PUBLIC for what anybody may"
                )
            if permission in DEVICE_SCOPES and rate is None:
                raise DeclarationError(
                    f"{handler.__qualname__} ({path}): how often may a device do this? Declare its rate, "
                    "so that firmware that asks without end harms no other device"
                )
            signature = _Signature(handler, path)
            body = signature.body
            summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    handler=handler,
                    tag=self.name,
                    summary=summary.rstrip("."),
                    description=" ".join(description.split()),
                    path_parameters=signature.path_parameters,
                    headers=signature.headers,
                    query=signature.query,
                    body=body,
                    consumes={} if body is None else consumes or {JSON: body},
                    body_limit=body_limit,
                    produces=signature.produces if produces is None else produces,
                    status=status,
                    errors=errors or {},
                    permission=permission,
                    takes_caller=signature.takes_caller,
                    internal=internal,
                    etag=etag,
                    rate=rate,
                )
            )
            return handler

        return declare


class _Signature:
    """What a handler's parameters and its return annotation declare."""

    def __init__(self, handler: Handler, path: str) -> None:
        self._declared = f"{handler.__qualname__} ({path})"
        hints = get_type_hints(handler, include_extras=True)
        parameters = list(inspect.signature(handler).parameters.values())[1:]
        kinds = {parameter.name: hints[parameter.name] for parameter in parameters}
        self.path_parameters = {name: self._take(kinds, name) for name in re.findall(r"{(\w+)", path)}
        self.query, self.body = kinds.pop("query", None), kinds.pop("body", None)
        caller = kinds.pop("caller", None)
        self.takes_caller = isinstance(caller, type) and issubclass(caller, Caller)
        if not (self.query is None or issubclass(self.query, msgspec.Struct)):
            raise DeclarationError(f"{self._declared}: query must be a struct with a field for each query parameter")
        self.headers = {
            parameter.name: self._header(parameter, kinds[parameter.name])
            for parameter in parameters
            if parameter.name in kinds
        }
        self.produces = _produces(hints["return"])

    def _take(self, kinds: dict[str, Any], name: str) -> Any:
        if name not in kinds:
            raise DeclarationError(f"{self._declared}: no parameter takes {name} of the path")
        return kinds.pop(name)

    def _header(self, parameter: inspect.Parameter, kind: Any) -> HeaderParameter:
        markers = [marker for marker in getattr(kind, "__metadata__", ()) if isinstance(marker, Header)]
        if len(markers) != 1:
            raise DeclarationError(
                f"{self._declared}: {parameter.name} is no part of the path, not query and not body: "
                'rename it, or annotate a request header with Header("its-name")'
            )
        if parameter.default is inspect.Parameter.empty:
            raise DeclarationError(f"{self._declared}: {parameter.name} needs a default: a header may be absent")
        return HeaderParameter(markers[0].name, get_args(kind)[0])


def _produces(annotation: Any) -> Mapping[str, Any]:
    (kind,) = get_args(annotation) if get_origin(annotation) is JsonResponse else (annotation,)
    return {} if kind is type(None) else {JSON: kind}
