"""Policy documents of IAM: who may do what to which resource, under which condition."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from policy.properties import Properties, as_list, mappings, strings

ACCOUNT = re.compile(r"\d{12}")
UNTYPED = {"s3", "sns", "sqs"}
"""Services whose ARNs name a resource without saying its type."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy document.

    `principals`: kind (AWS, Service, Federated) and who; `*` has the kind AWS. `negated`: it speaks of all but
    something. `conditions`: operator -> key -> values, keys in lower case, as IAM compares them.
    """

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    negated: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]

    def may(self, action: str) -> bool:
        """Tell whether its actions include one, by name or by pattern."""
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in self.actions)

    def requires(self, key: str, operator: str = "StringEquals") -> tuple[str, ...]:
        """Return the values of which a request must have one under a key; none where it asks nothing."""
        return self.conditions.get(operator, {}).get(key.lower(), ())

    @property
    def condition_keys(self) -> set[str]:
        """Every key that it asks for, under any operator."""
        return {key for pairs in self.conditions.values() for key in pairs}

    def who(self, kind: str) -> list[str]:
        """Return its principals of a kind."""
        return [name for of, name in self.principals if of == kind]


def statements(value: Any) -> Iterator[Statement]:
    """Yield the statements of a policy document: JSON, or what stands for it."""
    for statement in mappings(document(value).get("Statement")):
        yield Statement(
            allows=statement.get("Effect") == "Allow",
            actions=_texts(statement.get("Action")),
            resources=_texts(statement.get("Resource")),
            principals=tuple(_principals(statement.get("Principal"))),
            negated=tuple(key for key in ("NotAction", "NotResource", "NotPrincipal") if key in list(statement)),
            conditions=_conditions(statement.get("Condition")),
        )


def document(value: Any) -> Properties:
    """Return a JSON object that may still be text; an empty one for anything else, which AWS refuses."""
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return {}
    return read if isinstance(read, Mapping) else {}


def is_account(principal: str) -> bool:
    """Tell whether a principal is a whole account: its number, or its root."""
    return bool(ACCOUNT.fullmatch(principal)) or principal.endswith(":root")


def account_of(principal: str) -> str | None:
    """Return the account that a principal or an ARN belongs to; None where it says none."""
    if ACCOUNT.fullmatch(principal):
        return principal
    parts = principal.split(":")
    return parts[4] if len(parts) > 5 and ACCOUNT.fullmatch(parts[4]) else None


def is_unnamed(resource: str) -> bool:
    """Tell whether a resource of a statement names nothing: `*`, any account's, or every one of a type."""
    if set(resource) <= {"*", "?", ":"}:
        return True
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return False
    service, account, name = parts[2], parts[4], parts[5]
    if "*" in service or "*" in account:
        return True
    # Past its type: role/*, secret:*, log-group:*.
    named = name if service in UNTYPED else re.sub(r"^[A-Za-z-]+[:/]", "", name)
    return not re.sub(r"[*?:/.]", "", named)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in as_list(value))


def _principals(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for kind in value:
            for name in strings(value[kind]):
                yield str(kind), name
    else:
        for name in strings(value):
            yield "AWS", name


def _conditions(value: Any) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        str(operator): {str(key).lower(): _texts(pairs[key]) for key in pairs}
        for operator, pairs in ((operator, value[operator]) for operator in value)
        if isinstance(pairs, Mapping)
    }
