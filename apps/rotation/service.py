"""The declarations of the rotation: the first secrets in a deployment, a look at the keys each night."""

from apps.platform.service import OPERATOR_TOKEN, SIGNING_KEYS, Renew, Resources, ScheduledService, Task
from apps.rotation.settings import RotationSettings

NEEDS = (Renew(SIGNING_KEYS), Renew(OPERATOR_TOKEN))
RESOURCES = Resources(cpu="50m", memory="128Mi")

SEED_SECRETS = Task(
    name="seed-secrets",
    module="apps.rotation",
    settings=RotationSettings,
    needs=NEEDS,
    deadline_seconds=300,
    resources=RESOURCES,
)

ROTATION = ScheduledService(
    name="rotation",
    module="apps.rotation",
    settings=RotationSettings,
    needs=NEEDS,
    schedule="40 2 * * *",
    deadline_seconds=300,
    resources=RESOURCES,
)
