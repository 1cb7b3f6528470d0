"""A catalogue: everything that runs, and what follows from all declarations together."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from apps.platform.declaration import Declaration, ReleaseJob, ScheduledService, Server, Service, StaticSite
from apps.platform.needs import CallService, Connect, DatabaseRole
from apps.platform.resources import Database

D = TypeVar("D", bound=Declaration)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that runs, in the order in which it is deployed.

    Raises ValueError for two declarations of one name, a role with two sets of grants, or a call of what is not there.
    """

    declarations: tuple[Declaration, ...]

    def __post_init__(self) -> None:
        names = [declaration.name for declaration in self.declarations]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"declared twice: {', '.join(twice)}")
        servers = {server.name for server in self.servers}
        for declaration in self.declarations:
            if missing := sorted(_called(declaration) - servers):
                raise ValueError(f"{declaration.name} calls {', '.join(missing)}, which does not answer HTTP")
            for need in declaration.needs:
                if isinstance(need, Connect):
                    self.roles(need.resource)

    def of(self, kind: type[D]) -> tuple[D, ...]:
        """Return the declarations of a kind."""
        return tuple(declaration for declaration in self.declarations if isinstance(declaration, kind))

    @property
    def release_jobs(self) -> tuple[ReleaseJob, ...]:
        """What runs in a deployment before everything else."""
        return self.of(ReleaseJob)

    @property
    def servers(self) -> tuple[Server, ...]:
        """What answers HTTP."""
        return self.of(Server)

    @property
    def services(self) -> tuple[Service, ...]:
        """What runs all the time, of ours."""
        return self.of(Service)

    @property
    def scheduled(self) -> tuple[ScheduledService, ...]:
        """What runs again and again."""
        return self.of(ScheduledService)

    @property
    def sites(self) -> tuple[StaticSite, ...]:
        """What serves files."""
        return self.of(StaticSite)

    @property
    def processes(self) -> tuple[Declaration, ...]:
        """What runs a Python module of ours."""
        return tuple(declaration for declaration in self.declarations if declaration.module)

    @property
    def images(self) -> tuple[str, ...]:
        """The images that all of it runs in."""
        return tuple(sorted({declaration.image for declaration in self.declarations}))

    def switched_on(self, switches: Collection[str]) -> "Catalog":
        """Return what runs in an environment that has these keys."""
        return Catalog(tuple(found for found in self.declarations if found.switch is None or found.switch in switches))

    def runnable(self, images: Collection[str]) -> "Catalog":
        """Return what can run with these images: what calls a service that cannot run cannot either."""
        left = [declaration for declaration in self.declarations if declaration.image in images]
        while True:
            names = {declaration.name for declaration in left}
            remaining = [declaration for declaration in left if names >= _called(declaration)]
            if len(remaining) == len(left):
                return Catalog(tuple(remaining))
            left = remaining

    def callers(self, called: Declaration) -> tuple[str, ...]:
        """Return the names of those that may call it inside the platform."""
        return tuple(declaration.name for declaration in self.declarations if called.name in _called(declaration))

    def roles(self, database: Database) -> tuple[DatabaseRole, ...]:
        """Return every role of a database. Raises ValueError for one that is declared with different grants."""
        found: dict[str, DatabaseRole] = {}
        for declaration in self.declarations:
            for need in declaration.needs:
                if isinstance(need, Connect) and need.resource == database:
                    role = need.database_role
                    if found.setdefault(role.name, role) != role:
                        raise ValueError(f"{declaration.name}: role {role.name} is declared with other grants too")
        return tuple(found.values())


def _called(declaration: Declaration) -> set[str]:
    return {need.resource.name for need in declaration.needs if isinstance(need, CallService)}
