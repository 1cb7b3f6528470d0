"""Pages: the parameters that every list takes, and the cursor to the next page."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from apps.api import cursors
from apps.api.metrics import ROWS_SERVED
from apps.api.operation import Page

T = TypeVar("T")
K = TypeVar("K")

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000, description="Most rows of one page")]


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What every list takes."""

    limit: Limit = 100
    cursor: cursors.Cursor | None = None


def decode_cursor(query: PageQuery, kind: type[K]) -> K | None:
    """Return the key of the row after which the page starts. Raises BadCursorError for a cursor of another query."""
    return None if query.cursor is None else cursors.decode_cursor(query_fingerprint(query), query.cursor, kind)


def page(
    resource: str, query: PageQuery, rows: list[T], key: Callable[[T], object], more: object | None = None
) -> Page[T]:
    """Return the page from rows of which one more than the limit was asked for.

    `more`: the key after which to go on where there may be more although they are fewer.
    """
    items = rows[: query.limit]
    ROWS_SERVED.labels(resource).inc(len(items))
    after = key(items[-1]) if len(rows) > query.limit else more
    return Page(items, None if after is None else cursors.encode_cursor(query_fingerprint(query), after))


def query_fingerprint(query: PageQuery) -> object:
    """Return what must stay the same from page to page. The page's length may change."""
    filters = msgspec.to_builtins(msgspec.structs.replace(query, cursor=None, limit=1))
    return [type(query).__name__, filters]
