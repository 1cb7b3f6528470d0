"""A person, and what the groups that they are in make of them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from apps.api.caller import Caller
from apps.api.permissions import ROLE_SCOPES, Role
from apps.api.sign_in.settings import SignInSettings

MAX_NAME = 120
MAX_GROUPS = 200


class Person(msgspec.Struct, frozen=True):
    """Who signed in, as the issuer says."""

    subject: str
    """Whom the issuer means, for ever."""
    name: str
    groups: tuple[str, ...]


class People:
    """Makes callers of people, by configuration."""

    def __init__(self, settings: SignInSettings) -> None:
        self._settings = settings

    def person(self, claims: Mapping[str, Any]) -> Person:
        """Return whom an issuer's claims are about. Raises ValueError where they name nobody."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise ValueError("the claims have no sub")
        named = claims.get(self._settings.login_name_claim)
        # An address that nobody confirmed is one that anybody may give.
        is_confirmed = self._settings.login_name_claim != "email" or claims.get("email_verified") not in (
            False,
            "false",
        )
        name = named if isinstance(named, str) and named and is_confirmed else subject
        groups = claims.get(self._settings.login_groups_claim, ())
        listed = groups.replace(",", " ").split() if isinstance(groups, str) else groups
        known = [group for group in listed if isinstance(group, str)] if isinstance(listed, list | tuple) else []
        return Person(_printable(subject), _printable(name), tuple(known[:MAX_GROUPS]))

    def caller(self, person: Person) -> Caller:
        """Return what a person may do: as the greatest role of their groups. Labels limit what viewers see."""
        settings = self._settings
        found = [settings.login_roles[group] for group in person.groups if group in settings.login_roles]
        ranks = list(Role)
        if settings.login_default_role != "none":
            found.append(Role(settings.login_default_role))
        role = max(found, key=ranks.index, default=None)
        labels = None
        if settings.login_labels and role is Role.VIEWER:
            labels = frozenset().union(*(settings.login_labels.get(group, ()) for group in person.groups))
        scopes = frozenset() if role is None else ROLE_SCOPES[role]
        return Caller(person.name, scopes, labels, role=role, is_browser=True)


def _printable(text: str) -> str:
    """Return a name as it may stand in a line of a log."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_NAME])
