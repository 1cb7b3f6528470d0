"""What runs on this machine and with which environment: derived from the declarations, nothing started yet."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.detector.settings import DetectorSettings
from apps.observability.routing import Notifications
from apps.platform.catalog import Catalog
from apps.platform.declaration import Declaration, Server
from apps.platform.errors import ConfigurationError
from apps.platform.needs import (
    CallService,
    Connect,
    Consume,
    HttpCall,
    KeepFiles,
    KnowWhetherKept,
    MeasureDatabase,
    Need,
    OwnDatabase,
    PlatformSignals,
    Produce,
    PublicUrl,
    ReadFiles,
    ReadSecret,
    SendWebhooks,
    SignIn,
)
from apps.platform.resources import Database, ManagedResource, Secret
from apps.platform.settings import Settings, as_text, load, unknown_variables
from devtools.postgres import OWNER

HOST = "127.0.0.1"
REGION = "eu-west-1"

INFRA_SERVICES = ("postgresql", "ministack", "prometheus", "alertmanager", "pushgateway", "webhook", "login")
"""What stands for the cloud and for the cluster, in the order of their ports."""

LOCAL_OPERATOR = "local operator"
"""Who is taken for signed in, where nobody is asked."""
LOGIN_CLIENT_ID = "sensor-analytics"
LOGIN_PEOPLE = ("viewer", "operator", "administrator")
"""Who may be chosen at the login of this machine: each has the role of that name, by a group of its plural."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a service."""

    name: str
    service: Server


@dataclass(frozen=True, slots=True)
class LocalEnvironment:
    """What the needs of services are met with on this machine."""

    front_door: str
    ports: Mapping[str, int]
    stream: str
    secrets: Path
    owner_password: Path
    login: bool = False
    """Whether people sign in; otherwise everybody on this machine is the local operator."""
    absent: frozenset[str] = frozenset()
    """What of `INFRA_SERVICES` this machine does not have."""
    notifications: Notifications = field(default_factory=Notifications)

    def url(self, name: str) -> str:
        """Return where `name` answers HTTP."""
        return f"http://{HOST}:{self.ports[name]}"

    @property
    def receivers(self) -> Path:
        """The folder with the secret of each receiver of alerts in a file of its name."""
        return self.secrets / "receivers"

    @property
    def role_passwords(self) -> Path:
        """The file with the passwords of all database roles, for the migration."""
        return self.secrets / "role-passwords.json"

    def password_file(self, role: str) -> Path:
        """Return the file with the password of a database role."""
        return self.secrets / f"database-{role}"


LOCAL_SETTINGS: Mapping[type[Settings], Mapping[str, str]] = {
    # A sensor's fault is noticed after minutes of history, not after an hour.
    DetectorSettings: {"POINT_SECONDS": "60"},
}
"""What differs on this machine from the defaults of a settings class."""

AWS_SDK = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What AWS's own library reads, whatever a settings class does."""


def replicas(catalog: Catalog) -> list[Replica]:
    """Return the processes to run: one of each service behind the front door, the minimum of every other.

    On AWS a load balancer spreads requests over replicas; here there is none. Consumers of a stream share its shards by
    themselves, so they run as many as they would there.
    """
    single = [Replica(service.name, service) for service in catalog.services if service.public]
    shared = [
        Replica(f"{service.name}-{number}" if service.scale.minimum > 1 else service.name, service)
        for service in catalog.services
        if not service.public
        for number in range(1, service.scale.minimum + 1)
    ]
    return single + shared


def ports(front: int, catalog: Catalog) -> dict[str, int]:
    """Return the port of everything that listens: the front door's, then one after the other."""
    names = (*(site.name for site in catalog.sites), *(replica.name for replica in replicas(catalog)), *INFRA_SERVICES)
    return {name: front + offset for offset, name in enumerate(names)}


def unsupported_reason(declared: Declaration, env: LocalEnvironment) -> str | None:
    """Return why a declaration cannot run on this machine, or None."""
    for need in declared.needs:
        if type(need) not in HANDLERS:
            return f"{need.resource.name} is a file on this machine, made once"
        if need.resource.name in env.absent:
            return f"this machine has no {need.resource.name}"
    return None


def environment(declared: Declaration, env: LocalEnvironment, port: int | None = None) -> dict[str, str]:
    """Return the variables that a process gets, checked against its settings.

    Raises ConfigurationError when the needs and this machine do not provide exactly what the settings read.
    """
    given: dict[str, str] = {}
    for need in declared.needs:
        given |= HANDLERS[type(need)](need, env)
    given |= LOCAL_SETTINGS.get(declared.settings, {})
    if port is not None:
        given |= {"HTTP_HOST": HOST, "HTTP_PORT": str(port)}
    if unread := unknown_variables(declared.settings, given.keys() - AWS_SDK):
        raise ConfigurationError(f"{declared.name}: {declared.settings.__name__} does not read {', '.join(unread)}")
    load(declared.settings, given)
    return given


def command(declared: Declaration) -> tuple[str, ...]:
    """Return the command that runs a process."""
    if declared.module is None:
        raise ValueError(f"{declared.name} is no process of ours")
    return (sys.executable, "-m", declared.module, *declared.arguments)


def secrets(catalog: Catalog) -> list[Secret]:
    """Return every secret that services read."""
    found = {need.resource for declared in catalog.declarations for need in declared.needs}
    return sorted((secret for secret in found if isinstance(secret, Secret)), key=lambda secret: secret.name)


def roles(catalog: Catalog) -> list[str]:
    """Return every role that services connect as."""
    found: set[ManagedResource] = {need.resource for declared in catalog.declarations for need in declared.needs}
    return sorted(role.name for database in found if isinstance(database, Database) for role in catalog.roles(database))


def aws(env: LocalEnvironment) -> dict[str, str]:
    """Return the variables with which a process reaches the AWS of this machine."""
    return {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": env.url("ministack"), **AWS_SDK}


def _stream(need: Produce | Consume, env: LocalEnvironment) -> dict[str, str]:
    return aws(env) | dict(zip(need.resource.variables, (REGION, env.stream), strict=True))


def _database(database: Database, user: str, password: Path, env: LocalEnvironment) -> dict[str, str]:
    # On AWS: the user's IAM token over verified TLS. Here: a password on the loopback interface.
    values = (REGION, HOST, str(env.ports["postgresql"]), database.name, user, "password", "")
    return dict(zip(database.variables, values, strict=True)) | {"DATABASE_PASSWORD_FILE": str(password)}


def _connect(need: Connect, env: LocalEnvironment) -> dict[str, str]:
    return _database(need.resource, need.role, env.password_file(need.role), env)


def _own(need: OwnDatabase, env: LocalEnvironment) -> dict[str, str]:
    owner = _database(need.resource, OWNER, env.owner_password, env)
    return owner | {"ROLE_PASSWORDS_FILE": str(env.role_passwords)}


def _call_service(need: CallService, env: LocalEnvironment) -> dict[str, str]:
    name = need.resource.name
    return {need.resource.variable: env.url(name if name in env.ports else f"{name}-1")}


def _files(need: KeepFiles | ReadFiles, env: LocalEnvironment) -> dict[str, str]:
    return aws(env) | dict(zip(need.resource.variables, (REGION, need.resource.name), strict=True))


def _sign_in(need: SignIn, env: LocalEnvironment) -> dict[str, str]:
    if not env.login:
        return {"LOCAL_OPERATOR": LOCAL_OPERATOR}
    values = {
        "ISSUER": env.url("login"),
        "CLIENT_ID": LOGIN_CLIENT_ID,
        "ROLES": as_text({f"{role}s": role for role in LOGIN_PEOPLE}),
        "DEFAULT_ROLE": "none",
    }
    return {need.resource.variable(part): value for part, value in values.items()}


HANDLERS: Mapping[type[Need], Callable[[Any, LocalEnvironment], Mapping[str, str]]] = {
    Produce: _stream,
    Consume: _stream,
    Connect: _connect,
    # No instance of RDS, so no CloudWatch.
    MeasureDatabase: _connect,
    OwnDatabase: _own,
    ReadSecret: lambda need, env: {need.resource.variable: str(env.secrets / need.resource.name)},
    HttpCall: lambda need, env: {need.resource.variable: env.url(need.resource.name)},
    CallService: _call_service,
    KeepFiles: _files,
    ReadFiles: _files,
    KnowWhetherKept: lambda need, _env: {need.resource.switch: "true"},
    PublicUrl: lambda need, env: {need.resource.variable: env.front_door},
    SignIn: _sign_in,
    SendWebhooks: lambda need, env: dict.fromkeys(need.variables, env.notifications.as_setting()),
    # The processes tell of themselves, as the settings have it by default.
    PlatformSignals: lambda _need, _env: {},
}
"""How this machine meets each kind of need: with which variables. Secrets are made once, and nothing rotates them."""
