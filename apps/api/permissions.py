"""What may be done, and who may do it: every operation and every WebSocket message declares one permission.

A permission is also a scope: what an API key is allowed, and what a role consists of.
"""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    """What an operation asks of its caller: `resource:verb`."""

    PUBLIC = "public"
    """Anybody may, known or not: for what describes the API itself. No key and no role holds it."""
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    DEVICES_CLAIM = "devices:claim"
    """Bind a device by the code on its label."""
    READINGS_READ = "readings:read"
    READINGS_WRITE = "readings:write"
    EXPORT_READ = "export:read"
    """Whole histories, of any length."""
    REJECTED_READ = "rejected:read"
    """What devices really sent."""
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    KEYS_MANAGE = "keys:manage"
    AUDIT_READ = "audit:read"
    DEVICE_SELF = "device:self"
    """What a device does about itself, with its own credential. No key and no role holds it."""
    FLEET_REGISTER = "fleet:register"
    """What a device does that nobody registered, with the key of its fleet. No other key and no role holds it."""


class Role(StrEnum):
    """What a person is to the platform. Each may do what the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


Scopes = frozenset[Permission]

DEVICE_SCOPES: Scopes = frozenset({Permission.DEVICE_SELF, Permission.FLEET_REGISTER})
"""What devices alone may do."""

ALL_SCOPES: Scopes = frozenset(Permission) - {Permission.PUBLIC} - DEVICE_SCOPES

ANONYMOUS_SCOPES: Scopes = frozenset(
    {Permission.DEVICES_READ, Permission.READINGS_READ, Permission.ALERTS_READ, Permission.RULES_READ}
)
"""What somebody unknown may, where anybody may look: neither what has no limit nor what devices really sent."""

VIEWER_SCOPES: Scopes = ANONYMOUS_SCOPES | {
    Permission.DEVICES_CLAIM,
    Permission.EXPORT_READ,
    Permission.REJECTED_READ,
}
"""What labels can limit: whoever may do more sees every device."""

_OPERATOR = VIEWER_SCOPES | {Permission.DEVICES_WRITE, Permission.ALERTS_WRITE, Permission.RULES_WRITE}

ROLE_SCOPES: Mapping[Role, Scopes] = {
    Role.VIEWER: VIEWER_SCOPES,
    Role.OPERATOR: _OPERATOR,
    Role.ADMINISTRATOR: ALL_SCOPES,
}
"""What each role may."""
