"""The OpenAPI document of the public API, as it answers at /api/openapi.json."""

import json

from apps.api.app import PUBLIC_PREFIX
from apps.api.openapi import render
from apps.api.routes import PUBLIC_ROUTERS
from apps.api.routes.documentation import documentation


def document() -> str:
    """Return the document as JSON."""
    routers = [*PUBLIC_ROUTERS, documentation(PUBLIC_ROUTERS, PUBLIC_PREFIX)]
    return json.dumps(render(routers, PUBLIC_PREFIX), indent=2) + "\n"
