"""What this machine cannot do. Every text says why, and what to do."""


class DevtoolsError(Exception):
    """A tool is missing, or did not do what was asked."""


class UnavailableError(DevtoolsError):
    """This machine does not have the tool and cannot fetch it."""


class PostgresError(DevtoolsError):
    """PostgreSQL did not do what was asked. The text holds the end of its own words."""


class ApiServerError(DevtoolsError):
    """Kubernetes' API server did not start. The text holds the end of its own words."""
