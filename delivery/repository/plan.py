"""From what the settings are to what they shall be: each difference is a change that can be told and made."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.errors import RepositoryError
from delivery.repository.api import GitHub
from delivery.repository.declared import RULESETS, SETTINGS, Environment


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that differs: what is wrong with it, and what mends it."""

    text: str
    make: Callable[[], object]


def all_changes(github: GitHub, environments: Iterable[Environment]) -> Iterator[Change]:
    """Yield what differs in everything that is declared. Only an administrator can read it."""
    for path, wanted in SETTINGS.items():
        yield from _setting(github, path, wanted)
    yield from visible_changes(github, environments)


def visible_changes(github: GitHub, environments: Iterable[Environment]) -> Iterator[Change]:
    """Yield what differs in what a workflow's own token can read: environments and rulesets."""
    for environment in environments:
        yield from _environment(github, environment)
    for ruleset in RULESETS:
        yield from _ruleset(github, ruleset)


def _setting(github: GitHub, path: str, wanted: Mapping[str, Any]) -> Iterator[Change]:
    current = github.get(path)
    # Some settings are only of a public repository.
    if current is None and path.endswith("fork-pr-contributor-approval"):
        return
    if differences := list(_differences(wanted, current or {})):
        yield Change(f"{path}: {'; '.join(differences)}", lambda: github.send("PUT", path, wanted))


def _environment(github: GitHub, wanted: Environment) -> Iterator[Change]:
    name = wanted.of.name
    current = github.get(f"environments/{name}")
    path = f"environments/{name}"
    problems = ["is not there"] if current is None else list(_unprotected(wanted, current))
    if problems:
        yield Change(
            f"environment {name}: {'; '.join(problems)}", lambda: github.send("PUT", path, _protection(github, wanted))
        )
    policies = f"{path}/deployment-branch-policies"
    found = (github.get(f"{policies}?per_page=100") or {}).get("branch_policies", []) if current else []
    ids = {(policy.get("type", "branch"), policy["name"]): policy["id"] for policy in found}
    for kind, pattern in sorted(wanted.policies - ids.keys()):
        body = {"type": kind, "name": pattern}
        yield Change(f"environment {name}: {kind} {pattern} is refused", _sender(github, "POST", policies, body))
    for kind, pattern in sorted(ids.keys() - wanted.policies):
        where = f"{policies}/{ids[kind, pattern]}"
        yield Change(f"environment {name}: {kind} {pattern} is let in", _sender(github, "DELETE", where))


def _unprotected(wanted: Environment, current: Mapping[str, Any]) -> Iterator[str]:
    rules = {rule["type"]: rule for rule in current.get("protection_rules", [])}
    review = rules.get("required_reviewers", {})
    reviewers = {_name(entry) for entry in review.get("reviewers", [])}
    expected = {reviewer.rpartition("/")[2].casefold() for reviewer in wanted.reviewers}
    if reviewers != expected:
        yield f"is reviewed by {_list(reviewers)}, not by {_list(expected)}"
    if expected and not review.get("prevent_self_review"):
        yield "whoever starts a deployment may agree to it"
    if expected and current.get("can_admins_bypass", False):
        yield "administrators need nobody to agree"
    if current.get("deployment_branch_policy") != {"protected_branches": False, "custom_branch_policies": True}:
        yield "any branch may use it"


def _protection(github: GitHub, wanted: Environment) -> dict[str, Any]:
    return {
        "reviewers": [_reviewer(github, name) for name in wanted.reviewers],
        "prevent_self_review": bool(wanted.reviewers),
        "can_admins_bypass": not wanted.reviewers,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }


def _reviewer(github: GitHub, name: str) -> dict[str, Any]:
    owner, _, team = name.rpartition("/")
    found = github.get(f"orgs/{owner}/teams/{team}" if owner else f"users/{name}", of_repository=False)
    if found is None:
        raise RepositoryError(f"there is no {'team' if owner else 'user'} {name} that could agree to a deployment")
    return {"type": "Team" if owner else "User", "id": found["id"]}


def _ruleset(github: GitHub, wanted: Mapping[str, Any]) -> Iterator[Change]:
    name = wanted["name"]
    listed = [ruleset for ruleset in github.get("rulesets?per_page=100") or [] if ruleset["name"] == name]
    if not listed:
        yield Change(f"ruleset {name}: is not there", lambda: github.send("POST", "rulesets", wanted))
        return
    path = f"rulesets/{listed[0]['id']}"
    current = github.get(path)
    # Who may not change a ruleset is not told who may pass it by.
    seen = wanted if "bypass_actors" in current else {k: v for k, v in wanted.items() if k != "bypass_actors"}
    if differences := list(_differences(seen, current)):
        yield Change(f"ruleset {name}: {'; '.join(differences)}", lambda: github.send("PUT", path, wanted))


def _differences(wanted: Mapping[str, Any], current: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield where something is not as wanted; GitHub's answers hold more than is asked for."""
    for key, value in wanted.items():
        here, found = f"{path}{key}", current.get(key)
        if isinstance(value, Mapping) and isinstance(found, Mapping):
            yield from _differences(value, found, f"{here}.")
        elif key == "rules" and isinstance(found, Sequence):
            rules = {rule["type"]: rule for rule in found}
            for rule in value:
                yield from _differences(rule, rules.get(rule["type"], {}), f"{rule['type']}.")
        elif not _equal(value, found):
            yield f"{here} is {found!r}, not {value!r}"


def _equal(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Sequence) and not isinstance(wanted, str) and isinstance(found, Sequence):
        return len(wanted) == len(found) and all(map(_equal, wanted, found))
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return not list(_differences(wanted, found))
    return bool(wanted == found)


def _name(entry: Mapping[str, Any]) -> str:
    reviewer = entry["reviewer"]
    return str(reviewer.get("slug") or reviewer.get("login")).casefold()


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


def _sender(github: GitHub, method: str, path: str, body: Mapping[str, Any] | None = None) -> Callable[[], object]:
    return lambda: github.send(method, path, body)
