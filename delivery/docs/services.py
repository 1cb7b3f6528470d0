"""The page of services, settings and permissions: `nox -s docs`."""

from collections.abc import Iterator

from pydantic_core import PydanticUndefined

from apps.catalog import DASHBOARD, SERVICES, TASKS
from apps.platform.service import (
    Administer,
    AnyService,
    Call,
    Connect,
    Consume,
    Need,
    Produce,
    Read,
    Renew,
    ScheduledService,
    Service,
    Task,
)
from components.data.database import CONNECT
from components.data.managed_secret import RENEW
from components.data.stream import CONSUME, PRODUCE


def document() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Services"
    yield ""
    yield "Made from the declarations in `apps/` by `nox -s docs`; a test says when it is stale."
    yield ""
    yield "| Service | Runs | Needs | Permissions on AWS, each on one resource | CPU | Memory |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for declaration in (*SERVICES, *TASKS):
        needs = "<br>".join(_need(need) for need in declaration.needs) or "nothing"
        actions = "<br>".join(dict.fromkeys(a for need in declaration.needs for a in _actions(need))) or "none"
        size = declaration.resources
        yield f"| {declaration.name} | {_runs(declaration)} | {needs} | {actions} | {size.cpu} | {size.memory} |"
    size = DASHBOARD.resources
    copies = f"{DASHBOARD.scale.minimum} copies; {', '.join(f'`{path}`' for path in DASHBOARD.public)}"
    yield f"| {DASHBOARD.name} | {copies} | nothing | none | {size.cpu} | {size.memory} |"
    yield ""
    yield "Encrypted data also takes its key: `kms:GenerateDataKey` to write, `kms:Decrypt` to read."
    for title, declarations in _by_settings().items():
        yield ""
        yield f"## Settings of {title}"
        yield ""
        yield "| Variable | Default | Meaning |"
        yield "| --- | --- | --- |"
        for name, field in sorted(declarations.settings.model_fields.items()):
            default = "required" if field.default is PydanticUndefined else f"`{field.default}`"
            yield f"| `{name.upper()}` | {'none' if field.default is None else default} | {field.description or ''} |"


def _by_settings() -> dict[str, AnyService | Task]:
    """One declaration for each settings class, under the names of all that use it."""
    users: dict[type, list[AnyService | Task]] = {}
    for declaration in (*SERVICES, *TASKS):
        users.setdefault(declaration.settings, []).append(declaration)
    return {" and ".join(user.name for user in same): same[0] for same in users.values()}


def _runs(declaration: AnyService | Task) -> str:
    match declaration:
        case Service(scale=scale, public=public):
            copies = f"{scale.minimum} to {scale.maximum} copies"
            return "; ".join([copies, *(f"`{path}`" for path in public)])
        case ScheduledService(schedule=schedule):
            return f"`{schedule}` UTC"
        case Task():
            return "in each deployment, before the services"


def _need(need: Need) -> str:
    match need:
        case Produce(stream):
            return f"puts records on {stream.name}"
        case Consume(stream):
            return f"reads {stream.name}"
        case Connect(database, role):
            return f"{database.name} as {role}"
        case Administer(database):
            return f"{database.name} as its owner"
        case Read(secret):
            return f"reads {secret.name}"
        case Renew(secret):
            return f"renews {secret.name}"
        case Call(endpoint):
            return f"calls {endpoint.name}"


def _actions(need: Need) -> tuple[str, ...]:
    match need:
        case Produce():
            return PRODUCE
        case Consume():
            return CONSUME
        case Connect():
            return CONNECT
        case Renew():
            return RENEW
        case _:
            return ()
