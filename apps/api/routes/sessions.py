"""Sessions: who has signed in here."""

from typing import Annotated

import msgspec

from apps.api import audit
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Page, Router
from apps.api.permissions import Permission
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.api.sign_in.sessions import Session, SessionOrder
from apps.platform.errors import ProblemError

router = Router("Sessions", "Who has signed in here. Whom a load balancer signs in has a session there.")

SessionId = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?!\n)$", description="As listed", examples=["0123456789abcdef"])
]


@router.operation("GET", "/sessions", permission=Permission.KEYS_MANAGE)
async def list_sessions(context: Context, query: PageQuery) -> Page[Session]:
    """List sessions that are not over, the newest first."""
    after = decode_cursor(query, SessionOrder)
    rows = await context.access.sessions.newest(query.limit + 1, after)
    return page("sessions", query, rows, lambda session: SessionOrder(session.created_at, session.session_id))


@router.operation(
    "DELETE", "/sessions/{session_id}", status=204, permission=Permission.KEYS_MANAGE, errors={404: "No such session"}
)
async def end_session(context: Context, caller: Caller, session_id: SessionId) -> None:
    """End somebody's session.

    They are let in no more, within seconds by every replica, until they sign in again.
    """
    async with context.database.transaction():
        ended = await context.access.sessions.end_by_id(session_id)
        if ended is None:
            raise ProblemError(404, f"there is no session {session_id}: list them with GET /api/sessions")
        await audit.record(context.database, caller, "session.end", ended.name, before=ended)
