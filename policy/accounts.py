"""Which account a stack is for, and which others it lets in."""

import json
from collections.abc import Iterator

from policy.check import Stack
from policy.properties import is_unknown, strings

PROVIDER = ("pulumi:providers:aws",)


def own_accounts(stack: Stack) -> set[str]:
    """Return the accounts that the stack's providers are allowed to work in; none where they say nothing."""
    return set(_allowed(stack))


def _allowed(stack: Stack) -> Iterator[str]:
    for provider in stack.of(PROVIDER):
        try:
            allowed = provider.props.get("allowedAccountIds")
        except Exception as error:
            if not is_unknown(error):
                raise
            continue
        # A provider's inputs are JSON on the wire.
        yield from strings(json.loads(allowed) if isinstance(allowed, str) else allowed)
