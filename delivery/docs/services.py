"""The page of services, settings and permissions: `nox -s docs`."""

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from apps.catalog import CATALOG
from apps.platform.catalog import Catalog
from apps.platform.declaration import Declaration
from apps.platform.settings import Settings, as_text
from components.binding import Actions
from components.data.database import Database
from components.data.file_store import FileStore
from components.data.managed_secret import ManagedSecret
from components.data.stream import Stream

ACTIONS: Actions = {**Stream.actions, **Database.actions, **ManagedSecret.actions, **FileStore.actions}
"""What a need may do on AWS; the others need no permission there."""


def document(catalog: Catalog = CATALOG) -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines(catalog)) + "\n"


def _lines(catalog: Catalog) -> Iterator[str]:
    yield "# Services"
    yield ""
    yield "Made from the declarations in `apps/` by `nox -s docs`; a test says when it is stale."
    yield ""
    yield "| Service | Runs | Needs | Permissions on AWS, each on one resource | CPU | Memory |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for declaration in catalog.declarations:
        needs = "<br>".join(need.description for need in declaration.needs) or "nothing"
        actions = [action for need in declaration.needs for action in ACTIONS.get(type(need), ())]
        permissions = "<br>".join(dict.fromkeys(actions)) or "none"
        size = declaration.resources
        yield f"| {declaration.name} | {declaration.runs} | {needs} | {permissions} | {size.cpu} | {size.memory} |"
    yield ""
    yield "Encrypted data also takes its key: `kms:GenerateDataKey` to write, `kms:Decrypt` to read."
    for settings, users in _by_settings(catalog).items():
        yield ""
        yield f"## Settings of {' and '.join(user.name for user in users)}"
        yield ""
        yield "| Variable | Default | Meaning |"
        yield "| --- | --- | --- |"
        for name, field in sorted(settings.model_fields.items()):
            yield f"| `{name.upper()}` | {_default(field)} | {field.description or ''} |"


def _by_settings(catalog: Catalog) -> dict[type[Settings], list[Declaration]]:
    """Every settings class that reads anything, with those that use it."""
    users: dict[type[Settings], list[Declaration]] = {}
    for declaration in catalog.declarations:
        if declaration.settings.model_fields:
            users.setdefault(declaration.settings, []).append(declaration)
    return users


def _default(field: FieldInfo) -> str:
    """Return the default as one would write it into the environment."""
    if field.is_required():
        return "required"
    text = "" if field.default is None else as_text(field.default)
    return f"`{text}`".replace("|", "\\|") if text else "none"
