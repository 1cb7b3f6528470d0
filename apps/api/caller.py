"""Who asks: a person, a program with a key, a screen with a viewing link, or somebody whom nobody knows."""

from dataclasses import dataclass

from apps.api.permissions import Permission, Role, Scopes
from apps.platform.errors import ProblemError


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may. A handler that takes a parameter `caller` is told."""

    name: str | None
    """As it stands in the audit trail; None: nobody knows who it is."""
    scopes: Scopes
    labels: frozenset[str] | None = None
    """They see the devices with one of these labels alone; None: all."""
    role: Role | None = None
    """What a person is; None for a program, and for a person who is nothing here."""
    is_browser: bool = False
    """Whether a browser adds by itself what says who they are, also when a page of another site sends the request."""
    address: str = ""
    """Where the request came from."""
    link_id: str | None = None
    """The viewing link of a screen."""

    @property
    def actor(self) -> str:
        """Whom the audit trail names."""
        return self.name or "anonymous"

    def check(self, permission: Permission) -> None:
        """Raise ProblemError unless they may: 401 when they could say who they are, 403 when that would not help."""
        if permission is Permission.PUBLIC or permission in self.scopes:
            return
        if self.name is None:
            raise unauthorized(f"this needs {permission}")
        raise ProblemError(403, f"this needs {permission}, which {self.name} has not: ask an administrator for it")


def unauthorized(wrong: str) -> ProblemError:
    """Return the refusal of somebody who has to say who they are."""
    text = f"{wrong}: sign in, or send Authorization: Bearer KEY"
    return ProblemError(401, text, headers={"WWW-Authenticate": 'Bearer realm="api"'})
