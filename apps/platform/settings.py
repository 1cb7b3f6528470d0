"""Settings: read once from the environment, checked, and never changed afterwards."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import to_json

from apps.platform.errors import ConfigurationError

S = TypeVar("S", bound="Settings")

REGION_PATTERN = r"^[a-z]{2}(-[a-z]+)+-\d$"
"""A region of AWS, for example eu-west-1."""


class Settings(BaseModel):
    """What a process reads. A field is read from the variable of its name in upper case."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        # Python's own reading takes 8_080, 08080 and 8080.0 for one port.
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, str) and kind in _NUMBERS and not _NUMBERS[kind].fullmatch(value):
            wanted = "a whole number such as 5" if kind is int else "a number such as 0.5"
            raise ValueError(f"write {wanted}, in plain digits")
        return value


class ProcessSettings(Settings):
    """What every process of ours reads."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe line that is logged"
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, description="OTLP/HTTP collector; without one no traces are sent"
    )
    trace_fraction: float = Field(
        1, ge=0, le=1, description="Part of the traces to send, where the caller did not decide"
    )


class HttpSettings(ProcessSettings):
    """What a process that answers HTTP reads."""

    http_host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container")
    http_port: int = Field(8000, ge=1, le=65535, description="Port of the service, its probes and its metrics")


class AwsSettings(Settings):
    """Where AWS is."""

    aws_region: str = Field(pattern=REGION_PATTERN, description="Region, for example eu-west-1")
    aws_endpoint_url: str | None = Field(None, description="Another endpoint that answers as AWS, for the local stack")


class StreamSettings(AwsSettings):
    """Which stream readings travel on."""

    readings_stream: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$", description="Name of the Kinesis stream")


class RetentionSettings(Settings):
    """How long readings are kept. Every way in and the nightly upkeep must read the same, or what one takes the other
    drops: a stack's configuration is refused where they differ.
    """

    readings_retention_months: int = Field(3, ge=1, le=120, description="Months of readings to keep before this one")


class ReadingSettings(RetentionSettings):
    """Which readings are taken, the same at every way in."""

    device_max_metrics: int = Field(500, ge=1, le=100_000, description="Most metrics of one device")
    device_new_metrics_per_day: int = Field(
        100, ge=1, le=100_000, description="Most new metrics of one device in 24 h, after its first 24 h"
    )


class StoringSettings(ReadingSettings):
    """Which readings are stored, the same for all that store them."""

    max_unregistered_devices: int = Field(
        1000, ge=0, le=1_000_000, description="Most devices that nobody registered: their readings came by the stream"
    )


class DatabaseSettings(AwsSettings):
    """Where the database is and how to prove who connects."""

    database_host: str = Field(description="Host name")
    database_port: int = Field(5432, ge=1, le=65535, description="Port")
    database_name: str = Field("sensors", description="Database")
    database_user: str = Field(description="Role")
    database_auth: Literal["iam", "password"] = Field(
        "iam", description="iam: a fresh RDS token for each connection; password: from DATABASE_PASSWORD_FILE"
    )
    database_password_file: Path | None = Field(None, description="File with the password, for DATABASE_AUTH=password")
    database_ca_file: Path | None = Field(
        None, description="Certificates to verify the server with (verify-full); required with iam"
    )


class PoolSettings(DatabaseSettings):
    """Where the database is, for a process that keeps connections open."""

    database_connections: int = Field(5, ge=1, le=100, description="Most connections of this process")


_NUMBERS: Mapping[Any, re.Pattern[str]] = {
    int: re.compile(r"-?(0|[1-9][0-9]*)"),
    float: re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"),
}


def load(settings: type[S], environment: Mapping[str, str] | None = None) -> S:
    """Read settings from `environment` (default: the process's own) and from nowhere else; an empty value is none.

    Raises ConfigurationError with a line for each variable that is missing or wrong.
    """
    try:
        return _validate(settings, os.environ if environment is None else environment)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explain(settings, error).values())) from None


def as_text(value: Any) -> str:
    """Return a value as the text of an environment variable: JSON, unless it is a plain text, number or path."""
    return str(value) if isinstance(value, str | int | float | Path) else to_json(value).decode()


def unknown_variables(settings: type[Settings], names: Iterable[str]) -> list[str]:
    """Return the environment variables that the settings do not read."""
    return sorted(set(names) - {field.upper() for field in settings.model_fields})


def validation_errors(settings: type[Settings], environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is missing or wrong in `environment`: a line for each variable."""
    try:
        _validate(settings, environment)
    except ValidationError as error:
        return _explain(settings, error)
    return {}


def _validate(settings: type[S], environment: Mapping[str, str]) -> S:
    return settings.model_validate({name.lower(): value for name, value in environment.items() if value})


def _explain(settings: type[Settings], error: ValidationError) -> dict[str, str]:
    lines = {}
    for problem in error.errors():
        name = str(problem["loc"][0]) if problem["loc"] else ""
        field = settings.model_fields.get(name)
        meaning = f" ({field.description})" if field and field.description else ""
        if problem["type"] == "missing":
            lines[name.upper()] = f"{name.upper()} is not set{meaning}"
        else:
            lines[name.upper()] = f"{name.upper()}={problem['input']!r}: {problem['msg']}{meaning}"
    return lines
