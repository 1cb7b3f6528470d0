"""The page of what no stack may deploy: `nox -s docs`."""

import re
from collections.abc import Iterator

from policy.check import Check, ResourceCheck
from policy.checks import ALL
from policy.left import LEFT

INTRODUCTION = """# What no stack may deploy

Made from the checks in `policy/` by `nox -s docs`; a test says when it is stale. [deploy.md](deploy.md) says how the
pack is used. Each check has a bad example that it alone catches, and good ones next to it, in `tests/policy/`.

*Before* is asked of each resource before it is made, *together* of all that a preview or a deployment showed, *prod* of
protected stacks alone. What a preview does not know yet stops nothing: `checked-later` lists it, and the deployment
checks it. CIS numbers are those of the benchmarks for AWS 3.0, for EKS and for Kubernetes.

| Check | Demand | Asked | Also known as |
| --- | --- | --- | --- |"""

LEFT_TO_OTHERS = """
## What is left to others

| Finding | Why it is no check here |
| --- | --- |"""

COMPARISON = """
## What checkov and kube-score find

Their findings for the kinds of resources that the stacks deploy (checkov's policy index of May 2025, kube-score's list
of checks), and what finds them here.

| Theirs | Ours |
| --- | --- |"""

TOOL = re.compile(r"CKV|[a-z-]+$")
"""Begins with an id of checkov, or is a name of kube-score: the rest are numbers of CIS benchmarks."""


def document() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for check in ALL:
        yield f"| `{check.name}` | {check.description} | {_when(check)} | {', '.join(check.also)} |"
    yield LEFT_TO_OTHERS
    for left in LEFT:
        yield f"| {left.what} | {left.reason} |"
    yield COMPARISON
    for theirs, ours in sorted(compared().items(), key=lambda row: _order(row[0])):
        yield f"| {theirs} | {ours} |"


def compared() -> dict[str, str]:
    """Return each id of another tool -> the checks that find it here, or what is left and to whom."""
    left = {theirs: f"left: {choice.what}" for choice in LEFT for theirs in choice.also}
    checks: dict[str, list[str]] = {}
    for check in ALL:
        for theirs in check.also:
            if TOOL.match(theirs):
                checks.setdefault(theirs, []).append(f"`{check.name}`")
    return left | {theirs: ", ".join(names) for theirs, names in checks.items()}


def _when(check: Check) -> str:
    when = "before" if isinstance(check, ResourceCheck) else "together"
    return f"{when}, prod" if check.production_only else when


def _order(theirs: str) -> tuple[str, int]:
    """Order ids by their number, not as text."""
    number = re.search(r"\d+$", theirs)
    return (theirs[: number.start()], int(number.group())) if number else (theirs, 0)
