"""The state of a stack whose deployment was killed, with what had been made after all. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

State = dict[str, Any]
"""What `pulumi stack export` prints."""

Find = Callable[[str, Mapping[str, Any]], Iterable[str] | None]
"""Type and inputs -> ids of what is there and might be it; None where nobody knows how to look."""


@dataclass(slots=True)
class Mended:
    """A state in which nothing is pending that could be looked for, and the lines that say what was found."""

    state: State
    lines: list[str] = field(default_factory=list)


def mend(state: State, find: Find) -> Mended:
    """Look for each resource that was being made, and write those that are there into the state.

    Their outputs are only what was asked for: a refresh reads the rest, and forgets what is not there.
    """
    deployment = state["deployment"]
    resources: list[dict[str, Any]] = list(deployment["resources"])
    held, urns = {existing.get("id") for existing in resources}, {existing["urn"] for existing in resources}
    mended, stays = Mended({}), []
    for operation in deployment.get("pending_operations", []):
        resource = operation["resource"]
        name = f"{resource['urn'].rpartition('::')[2]} ({resource['type']})"
        if operation["type"] != "creating" or resource["urn"] in urns:
            # Changes and deletions are done again; beside what it was to replace, a resource is for a person to judge.
            stays.append(operation)
            continue
        found = find(resource["type"], resource.get("inputs", {}))
        identity = next((candidate for candidate in found or () if candidate not in held), None)
        if found is None:
            stays.append(operation)
            mended.lines.append(f"{name}: left pending, look for it yourself")
        elif identity is None:
            mended.lines.append(f"{name}: was not made")
        else:
            held.add(identity)
            resources.append({**resource, "id": identity, "outputs": resource.get("inputs", {})})
            mended.lines.append(f"{name}: is {identity}")
    mended.state = {**state, "deployment": {**deployment, "resources": resources, "pending_operations": stays}}
    return mended
