"""Who is told of alerts on this machine: whom a file names, as a stack's own would, or a receiver in the terminal."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from apps.observability.routing import Notifications
from apps.platform.errors import ConfigurationError
from local.plan import LocalEnvironment


def routing(file: Path | None) -> Notifications:
    """Return what a YAML file says, or the default. Raises ConfigurationError with a line for each fault."""
    if file is None:
        return Notifications()
    try:
        return Notifications.model_validate(yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file}: {error}") from None
    except ValidationError as error:
        lines = (f"{file}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError("\n".join(lines)) from None


def provide_secrets(env: LocalEnvironment, *, own: bool) -> None:
    """Let the receivers of the default say their messages here; else check that the secret of each is there.

    Raises ConfigurationError that names the files to write.
    """
    env.receivers.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = [env.receivers / name for name in env.notifications.secret_names]
    if own:
        for file in files:
            file.write_text(env.url("webhook") + "/")
    elif missing := [str(file) for file in files if not file.is_file()]:
        raise ConfigurationError(
            f"no secret of {', '.join(missing)}: write the webhook's URL, the key or the password into each file"
        )
