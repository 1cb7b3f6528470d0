"""An operation is declared once: routing, validation and the OpenAPI document are derived from it.

A handler's signature is the declaration. Its first parameter is the `Context`; the others say what a request carries:

- a name that stands in the path: that part of the path
- `query`: a struct, a field for each query parameter
- `body`: what the body must hold, as JSON; `Upload` for a handler that reads other media types itself
- any other name: the request header of that name

The return annotation is the answer's type; `Reply[T]` adds headers, a `Response` is sent as it is.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec

Handler = Callable[..., Awaitable[Any]]
T = TypeVar("T")
H = TypeVar("H", bound=Handler)

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer that needs more than its value."""

    value: T
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
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
    headers: Mapping[str, Any]
    query: type[msgspec.Struct] | None
    body: Any
    consumes: Mapping[str, Any]
    """The type of the body by media type."""
    body_limit: int
    produces: Mapping[str, Any]
    """The type of the answer by media type."""
    status: int
    errors: Mapping[int, str]
    protected: bool
    """Whether it needs the operator's token."""
    public: bool
    """Whether it is reached from outside the cluster, under /api."""
    revalidates: bool
    """Whether its answers carry an ETag, so that an unchanged one need not be sent again."""


class Resource:
    """A group of operations, in the order in which they are documented."""

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self.operations: list[Operation] = []

    def public(self) -> "Resource":
        """Return the group without what is reached from inside the cluster only."""
        resource = Resource(self.name, self.description)
        resource.operations = [operation for operation in self.operations if operation.public]
        return resource

    def operation(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        errors: Mapping[int, str] | None = None,
        consumes: Mapping[str, Any] | None = None,
        produces: Mapping[str, Any] | None = None,
        body_limit: int = 64 * 1024,
        protected: bool = False,
        public: bool = True,
        revalidates: bool = False,
    ) -> Callable[[H], H]:
        """Declare the decorated handler as an operation. Its docstring is the documentation."""

        def declare(handler: H) -> H:
            hints = get_type_hints(handler, include_extras=True)
            answer = hints.pop("return")
            taken = {name: hints[name] for name in list(inspect.signature(handler).parameters)[1:]}
            in_path = {name: taken.pop(name) for name in re.findall(r"{(\w+)", path)}
            query, body = taken.pop("query", None), taken.pop("body", None)
            summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    handler=handler,
                    tag=self.name,
                    summary=summary.rstrip("."),
                    description=" ".join(description.split()),
                    path_parameters=in_path,
                    headers={name.replace("_", "-"): kind for name, kind in taken.items()},
                    query=query,
                    body=body,
                    consumes={} if body is None else consumes or {JSON: body},
                    body_limit=body_limit,
                    produces=produces or _answer(answer),
                    status=status,
                    errors=errors or {},
                    protected=protected,
                    public=public,
                    revalidates=revalidates,
                )
            )
            return handler

        return declare


def _answer(annotation: Any) -> Mapping[str, Any]:
    (answer,) = get_args(annotation) if get_origin(annotation) is Reply else (annotation,)
    return {} if answer is type(None) else {JSON: answer}
