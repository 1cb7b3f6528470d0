"""`python -m delivery.plan`: what a deployment would do, so that what somebody agreed to is what is done.

Kept of a preview are its steps: which resource is made, changed or taken away, and with which inputs. Before the
deployment they are computed anew, from the same commit and the state as it is by then: any difference means that
somebody agreed to something else. Pulumi's own saved plans (`up --plan`) stop in the middle of a deployment as soon as
a value becomes known that was not when they were made.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from delivery.errors import PlanError

DIFFERENT, NOT_USABLE = 1, 2

IDLE = {"same", "read", "refresh"}
"""Operations that change nothing."""


def steps(preview: str) -> list[str]:
    """Return the steps that a preview tells (`pulumi preview --json`), one line of JSON each, in an order of their own.

    Raises PlanError for what is no preview that came to its end.
    """
    try:
        document = json.loads(preview)
        changing = [step for step in document["steps"] if step["op"] not in IDLE]
        document["changeSummary"]
    except (ValueError, KeyError, TypeError):
        raise PlanError(f"no preview that came to its end: {preview[:200]!r}") from None
    return sorted(json.dumps(_step(step), sort_keys=True) for step in changing)


def differences(agreed: Iterable[str], now: Iterable[str]) -> Iterator[str]:
    """Yield what would be done and was not agreed to, and what was agreed to and would not be done."""
    before, after = set(agreed), set(now)
    yield from (f"not agreed to: {_words(step)}" for step in sorted(after - before))
    yield from (f"no longer to be done: {_words(step)}" for step in sorted(before - after))


def main(arguments: list[str] | None = None) -> int:
    """Print the steps of a preview, or what differs from those agreed to; return 1 when something does."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.plan",
        description="Prints the steps of a preview, or compares them with those that somebody agreed to.",
        epilog="exit code: 0, 1 when something else would be done, 2 when a file cannot be used",
    )
    parser.add_argument("preview", type=Path, help="what pulumi preview --json wrote")
    parser.add_argument("--agreed", type=Path, metavar="STEPS", help="what this command printed before")
    chosen = parser.parse_args(arguments)
    try:
        now = steps(chosen.preview.read_text())
        agreed = chosen.agreed.read_text().splitlines() if chosen.agreed else None
    except (OSError, PlanError) as error:
        print(f"plan: {error}", file=sys.stderr)
        return NOT_USABLE
    if agreed is None:
        print("\n".join(now))
        return 0
    found = list(differences(filter(None, agreed), now))
    for difference in found:
        print(f"plan: {difference}", file=sys.stderr)
    return DIFFERENT if found else 0


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return what matters of a step. Outputs are not inputs: what AWS counts or dates by itself is no difference."""
    return {"op": step["op"], "urn": step["urn"], "inputs": (step.get("newState") or {}).get("inputs")}


def _words(step: str) -> str:
    parsed = json.loads(step)
    return f"{parsed['op']} {parsed['urn'].rpartition('::')[2]} ({parsed['urn'].split('::')[-2].rpartition('$')[2]})"


if __name__ == "__main__":
    sys.exit(main())
