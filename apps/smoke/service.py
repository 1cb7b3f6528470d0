"""The declaration of the smoke test: it tries a version of a service before that takes over."""

from apps.platform.declaration import ReleaseJob, Resources
from apps.platform.needs import CallService, ReadSecret
from apps.platform.resources import ServiceEndpoint
from apps.resources import OPERATOR_TOKEN
from apps.smoke.settings import SmokeSettings

TRIED = tuple(ServiceEndpoint(name) for name in ("dashboard", "api", "gateway"))

SMOKE_TEST = ReleaseJob(
    name="smoke-test",
    module="apps.smoke",
    # Of the API: it has what a client of HTTP and WebSockets takes.
    image="api",
    settings=SmokeSettings,
    needs=(*map(CallService, TRIED), ReadSecret(OPERATOR_TOKEN)),
    deadline_seconds=120,
    resources=Resources(cpu="50m", memory="96Mi"),
)
"""Run by the controller that rolls out versions, not by the deployment itself."""
