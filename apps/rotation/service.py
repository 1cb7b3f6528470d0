"""The declarations of the rotation: the first secrets in a deployment, a look at the keys each night."""

from apps.platform.declaration import ReleaseJob, Resources, ScheduledService
from apps.platform.needs import RotateSecret
from apps.resources import OPERATOR_TOKEN, SIGNING_KEYS, WEBHOOK_KEY
from apps.rotation.settings import RotationSettings

NEEDS = (RotateSecret(SIGNING_KEYS), RotateSecret(OPERATOR_TOKEN), RotateSecret(WEBHOOK_KEY))
RESOURCES = Resources(cpu="50m", memory="128Mi")

SEED_SECRETS = ReleaseJob(
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
