"""What a person reads when a stack's configuration cannot be used: where, why, and the YAML to write."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails


class StackConfigError(Exception):
    """A stack's configuration cannot be used. The text names each value and the YAML to write."""


class RetainedMissingError(StackConfigError):
    """The account's stack does not keep what an environment needs. The text names each thing, and what to do."""

    def __init__(self, environment: str, account: str, missing: Mapping[str, str]) -> None:
        lacking = "\n".join(f"- {what}: {reason}" for what, reason in missing.items())
        super().__init__(
            f"{environment} needs what the stack of account {account} keeps for it, and does not find\n{lacking}\n"
            f"Name {environment} under `environments` in the file of that stack (Pulumi.bootstrap*.yaml) and deploy "
            "it: `pulumi up --stack bootstrap`"
        )


class LoginSecretError(StackConfigError):
    """The client's secret of a login cannot be used. The text names it, and what to type."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"environment.ingress.login.client_secret_name: the secret {name} cannot be used: {reason}. It holds "
            "what the identity provider gave out for the client; a person puts it in:\n"
            f'aws secretsmanager create-secret --name {name} --secret-string "$CLIENT_SECRET"'
        )


def explain(model: type[BaseModel], key: str, problem: ErrorDetails) -> str:
    """Return what is wrong with one value under `key` (`PROJECT:NAME`), and the YAML to write where there is one."""
    path = [str(part) for part in problem["loc"]]
    location = ".".join([key.rpartition(":")[2], *path])
    if problem["type"] == "extra_forbidden":
        return f"{location}: there is no such key; there are {', '.join(_siblings(model, path))}"
    example = _example(model, path)
    return f"{location}: {_reason(problem)}" + (f". Write:\n{as_yaml(key, example)}" if example else "")


def as_yaml(key: str, value: Any) -> str:
    """Return what a stack's file says with `value` under `key`."""
    return yaml.safe_dump({"config": {key: value}}, sort_keys=False, default_flow_style=False, width=120)


def _reason(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "string_pattern_mismatch":
        return f"must match {problem['ctx']['pattern']}, got {problem['input']!r}"
    message = problem["msg"].removeprefix("Value error, ")
    return message if isinstance(problem["input"], Mapping | BaseModel) else f"{message}, got {problem['input']!r}"


def _siblings(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path[:-1]:
        model = _section(model, part) or model
    return sorted(model.model_fields)


def _example(model: type[BaseModel], path: Sequence[str]) -> dict[str, Any] | None:
    """Return the example of the last field on the path that has one, under the keys that lead to it."""
    if not path or (field := model.model_fields.get(path[0])) is None:
        return None
    section = _section(model, path[0])
    found = (section and _example(section, path[1:])) or (field.examples[0] if field.examples else None)
    if isinstance(found, Mapping) and section is None and path[1:2] and path[1] in found:
        found = {path[1]: found[path[1]]}
    return {path[0]: found} if found else None


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a field, which may be optional or the value of a mapping."""
    field = model.model_fields.get(name)
    candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
    return next((part for part in candidates if isinstance(part, type) and issubclass(part, BaseModel)), None)
