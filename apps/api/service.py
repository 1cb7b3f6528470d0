"""The declaration of the API."""

from apps.api import metrics
from apps.api.settings import ApiSettings
from apps.domain.credentials import CredentialKind
from apps.platform.declaration import Resources, Scale, Service
from apps.platform.needs import Connect, PublicUrl, ReadFiles, ReadSecret, SignIn
from apps.resources import ARCHIVE_FILES, OPERATOR_TOKEN, SENSORS, SIGNING_KEYS
from apps.storage.archive.manifest import MANIFESTS, READINGS_PREFIX

GRANTS = {
    "sensor_readings": "SELECT, INSERT",
    "readings_minute": "SELECT, INSERT, UPDATE",
    "readings_hour": "SELECT",
    "readings_day": "SELECT",
    "archive_days": "SELECT",
    "latest_readings": "SELECT, INSERT, UPDATE, DELETE",
    "credential_changes": "SELECT, UPDATE",
    "credential_uses": "SELECT, INSERT, UPDATE",
    "device_claims": "SELECT, INSERT, UPDATE, DELETE",
    "device_credentials": "SELECT, INSERT, UPDATE",
    "detector_memory": "SELECT",
    "devices": "SELECT, INSERT, UPDATE, DELETE",
    "fleet_keys": "SELECT, INSERT, UPDATE",
    "upload_generations": "SELECT, INSERT, UPDATE",
    "rejected_records": "SELECT",
    "report_months": "SELECT",
    "series_reports": "SELECT",
    "series_forecasts": "SELECT",
    "alerts": "SELECT, UPDATE",
    "alert_events": "SELECT, INSERT",
    "api_keys": "SELECT, INSERT, UPDATE",
    "audit_events": "SELECT, INSERT",
    "sessions": "SELECT, INSERT, DELETE",
    "reading_log": "INSERT",
    "rules": "SELECT, INSERT, UPDATE, DELETE",
    "rule_versions": "SELECT, INSERT",
    "viewing_links": "SELECT, INSERT, UPDATE",
}

API = Service(
    name="api",
    module="apps.api",
    settings=ApiSettings,
    needs=(
        Connect(SENSORS, role="api", grants=GRANTS, functions=("ensure_partition(timestamptz)",)),
        ReadFiles(ARCHIVE_FILES, folders=(MANIFESTS, READINGS_PREFIX)),
        ReadSecret(SIGNING_KEYS),
        ReadSecret(OPERATOR_TOKEN),
        PublicUrl(),
        SignIn(),
    ),
    scale=Scale(minimum=2, maximum=6),
    resources=Resources(cpu="250m", memory="384Mi"),
    metrics=metrics,
    public=("/api",),
    checks_tokens=True,
    checks_cookie=f"__Host-view={CredentialKind.VIEW}_",
)
