"""What runs on this machine and with which environment: derived from the declarations, nothing started yet."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from apps.platform.service import (
    Administer,
    AnyService,
    Call,
    Connect,
    Consume,
    Database,
    Need,
    Produce,
    Read,
    Renew,
    Secret,
    Service,
    Task,
)
from apps.platform.settings import load
from devtools.postgres import OWNER

Declared: TypeAlias = AnyService | Task
"""What runs as a process."""

HOST = "127.0.0.1"
REGION = "eu-west-1"

INFRA_SERVICES = ("postgresql", "ministack", "prometheus", "alertmanager", "pushgateway", "webhook")
"""What stands for the cloud and for the cluster, in the order of their ports."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service."""

    name: str
    service: Service


@dataclass(frozen=True, slots=True)
class LocalEnvironment:
    """What the needs of services are met with on this machine."""

    front_door: str
    ports: Mapping[str, int]
    stream: str
    secrets: Path
    owner_password: Path
    absent: frozenset[str] = frozenset()
    """What of `INFRA_SERVICES` this machine does not have."""

    def url(self, name: str) -> str:
        """Return where `name` answers HTTP."""
        return f"http://{HOST}:{self.ports[name]}"

    @property
    def role_passwords(self) -> Path:
        """The file with the passwords of all database roles, for the migration."""
        return self.secrets / "role-passwords.json"

    def password_file(self, role: str) -> Path:
        """Return the file with the password of a database role."""
        return self.secrets / f"database-{role}"


def replicas(services: Sequence[AnyService]) -> list[Replica]:
    """Return the processes to run: one of each service behind the front door, the minimum of every other.

    On AWS a load balancer spreads requests over replicas; here there is none. Consumers of a stream share its shards by
    themselves, so they run as many as they would there.
    """
    running = [service for service in services if isinstance(service, Service)]
    single = [Replica(service.name, service) for service in running if service.public]
    shared = [
        Replica(f"{service.name}-{number}" if service.scale.minimum > 1 else service.name, service)
        for service in running
        if not service.public
        for number in range(1, service.scale.minimum + 1)
    ]
    return single + shared


def ports(front: int, services: Sequence[AnyService]) -> dict[str, int]:
    """Return the port of everything that listens: the front door's, then one after the other."""
    names = ("dashboard", *(replica.name for replica in replicas(services)), *INFRA_SERVICES)
    return {name: front + offset for offset, name in enumerate(names)}


def unsupported_reason(declared: Declared, env: LocalEnvironment) -> str | None:
    """Return why a declaration cannot run on this machine, or None."""
    for need in declared.needs:
        match need:
            case Renew(secret):
                return f"{secret.name} is a file on this machine, made once"
            case Call(endpoint) if endpoint.name in env.absent:
                return f"this machine has no {endpoint.name}"
    return None


def environment(declared: Declared, env: LocalEnvironment, port: int | None = None) -> dict[str, str]:
    """Return the variables that a process gets, checked against its settings.

    Raises ConfigurationError when the needs and this machine do not provide everything that the settings want.
    """
    provided = {name: value for need in declared.needs for name, value in _provided(need, env)}
    provided |= {"PUBLIC_URL": env.front_door}
    provided |= {"POINT_SECONDS": "60"}  # the detector notices a sensor's fault after minutes of history, not an hour
    if port is not None:
        provided |= {"HTTP_HOST": HOST, "HTTP_PORT": str(port)}
    load(declared.settings, provided)
    return provided


def command(declared: Declared) -> tuple[str, ...]:
    """Return the command that runs a process."""
    arguments = () if isinstance(declared, Service) else declared.arguments
    return (sys.executable, "-m", declared.module, *arguments)


def secrets(services: Sequence[AnyService]) -> list[Secret]:
    """Return every secret that services read."""
    return sorted(
        {need.secret for service in services for need in service.needs if isinstance(need, Read)},
        key=lambda secret: secret.name,
    )


def roles(services: Sequence[AnyService]) -> list[str]:
    """Return every role that services connect as."""
    return sorted({need.role for service in services for need in service.needs if isinstance(need, Connect)})


def aws(env: LocalEnvironment) -> dict[str, str]:
    """Return the variables with which a process reaches the AWS of this machine."""
    return {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": env.url("ministack"),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _provided(need: Need, env: LocalEnvironment) -> Iterator[tuple[str, str]]:
    match need:
        case Produce(stream) | Consume(stream):
            yield from aws(env).items()
            yield from zip(stream.variables, (REGION, env.stream), strict=True)
        case Connect(database, role):
            yield from _database(database, role, env.password_file(role), env).items()
        case Administer(database):
            yield from _database(database, OWNER, env.owner_password, env).items()
            yield "ROLE_PASSWORDS_FILE", str(env.role_passwords)
        case Read(secret):
            yield secret.variable, str(env.secrets / secret.name)
        case Renew(_):
            raise ValueError("nothing renews secrets on this machine")
        case Call(endpoint):
            yield endpoint.variable, env.url(endpoint.name)


def _database(database: Database, user: str, password: Path, env: LocalEnvironment) -> dict[str, str]:
    # On AWS: the user's IAM token over verified TLS. Here: a password on the loopback interface.
    values = (REGION, HOST, str(env.ports["postgresql"]), database.name, user, "password", "")
    return dict(zip(database.variables, values, strict=True)) | {"DATABASE_PASSWORD_FILE": str(password)}
