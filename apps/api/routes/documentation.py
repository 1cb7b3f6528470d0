"""The API as described by itself."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from starlette.responses import HTMLResponse, Response

from apps.api.context import Context
from apps.api.docs_page import CONTENT_SECURITY_POLICY, SCRIPT, page
from apps.api.openapi import Document, render
from apps.api.operation import Router
from apps.api.permissions import Permission
from apps.domain import readings


def documentation(routers: Sequence[Router], prefix: str) -> Router:
    """Return the operations that describe `routers`, and themselves, as they are reached under `prefix`."""
    described = Router("Documentation", "The API as described by itself.")

    @cache
    def document() -> Document:
        return render([*routers, described], prefix)

    @described.operation("GET", "/openapi.json", permission=Permission.PUBLIC, etag=True)
    async def openapi_document(_: Context) -> dict[str, Any]:
        """Show the OpenAPI 3.1 document."""
        return document()

    @described.operation("GET", "/docs", permission=Permission.PUBLIC, produces={"text/html": str})
    async def readable_documentation(_: Context) -> Response:
        """Show this documentation as a page."""
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
        return HTMLResponse(page(document()), headers=headers)

    @described.operation("GET", "/docs/try.js", permission=Permission.PUBLIC, produces={"text/javascript": str})
    async def documentation_script(_: Context) -> Response:
        """Show the script by which the page sends what a reader filled in."""
        return Response(SCRIPT, headers={"Cache-Control": "no-cache"}, media_type="text/javascript")

    @described.operation("GET", "/schemas/reading.json", permission=Permission.PUBLIC, etag=True)
    async def reading_schema(_: Context) -> dict[str, Any]:
        """Show the JSON Schema of what a device PUTs to its upload URL: an array of readings."""
        return readings.json_schema()

    return described
