"""The operations, a module for each resource."""

from apps.api.operation import Router
from apps.api.routes import (
    alerts,
    audit,
    claims,
    detection,
    device_credentials,
    device_import,
    device_self,
    devices,
    export,
    fleet,
    fleet_keys,
    forecasts,
    internal_writes,
    keys,
    readings,
    rejected,
    reports,
    rule_documents,
    rule_dry_run,
    rules,
    session,
    sessions,
    viewing_links,
)

ROUTERS: tuple[Router, ...] = (
    fleet.router,
    devices.router,
    device_import.router,
    device_credentials.router,
    device_self.router,
    fleet_keys.router,
    claims.router,
    readings.router,
    export.router,
    detection.router,
    rejected.router,
    reports.router,
    forecasts.router,
    alerts.router,
    session.router,
    sessions.router,
    keys.router,
    viewing_links.router,
    audit.router,
    rules.router,
    rule_dry_run.router,
    rule_documents.router,
    internal_writes.router,
)
"""Every operation; the internal ones are served at the root alone."""

PUBLIC_ROUTERS: tuple[Router, ...] = tuple(
    public for public in (router.without_internal() for router in ROUTERS) if public.operations
)
"""The operations that are served to the world."""
