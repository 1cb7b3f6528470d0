"""What a handler's signature may say, and what is refused before the API starts."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
import pytest

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.errors import DeclarationError
from apps.api.live.messages import Message
from apps.api.operation import Header, Operation, Router
from apps.api.permissions import Permission


class Query(msgspec.Struct, frozen=True):
    limit: int = 1


def declare(handler: Callable[..., Awaitable[Any]], path: str = "/things/{thing_id}") -> Operation:
    router = Router("Things", "")
    router.operation("GET", path, permission=Permission.PUBLIC)(handler)
    return router.operations[0]


def test_a_parameter_takes_the_header_that_it_is_annotated_with() -> None:
    async def show(_: Context, thing_id: str, known: Annotated[str | None, Header("if-none-match")] = None) -> str:
        return thing_id

    operation = declare(show)
    assert operation.path_parameters == {"thing_id": str}
    assert operation.headers == {"known": ("if-none-match", str | None)}


async def misspelt_query(_: Context, thing_id: str, quary: Query) -> None: ...
async def misspelt_body(_: Context, thing_id: str, boddy: str) -> None: ...
async def misspelt_path(_: Context, thing_ld: str) -> None: ...
async def unmarked_header(_: Context, thing_id: str, if_match: str | None = None) -> None: ...
async def header_without_default(_: Context, thing_id: str, known: Annotated[str, Header("if-match")]) -> None: ...
async def query_without_fields(_: Context, thing_id: str, query: int) -> None: ...


@pytest.mark.parametrize(
    ("handler", "named"),
    [
        (misspelt_query, "quary"),
        (misspelt_body, "boddy"),
        (misspelt_path, "thing_id"),
        (unmarked_header, "if_match"),
        (header_without_default, "known needs a default"),
        (query_without_fields, "query must be a struct"),
    ],
)
def test_a_parameter_that_no_request_carries_is_refused_as_it_is_declared(
    handler: Callable[..., Awaitable[Any]], named: str
) -> None:
    with pytest.raises(DeclarationError, match=named) as refused:
        declare(handler)
    assert handler.__name__ in str(refused.value)


def test_nothing_starts_that_does_not_say_who_may_do_it() -> None:
    async def forgotten(_: Context) -> None: ...

    with pytest.raises(DeclarationError, match=r"forgotten.*Declare its permission"):
        Router("Things", "").operation("GET", "/things")(forgotten)
    with pytest.raises(DeclarationError, match=r"Forgotten.*Declare its permission"):

        class Forgotten(Message, frozen=True):
            pass


def test_a_handler_that_wants_to_know_who_asks_is_told() -> None:
    async def with_caller(_: Context, caller: Caller) -> None: ...
    async def without_caller(_: Context) -> None: ...

    assert declare(with_caller, "/things").takes_caller
    assert not declare(without_caller, "/things").takes_caller
