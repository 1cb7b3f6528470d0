"""Settings of the rotation."""

from pydantic import Field

from apps.platform.settings import AwsSettings, ProcessSettings


class RotationSettings(AwsSettings, ProcessSettings):
    """What the rotation reads."""

    signing_keys_secret_id: str = Field(
        description="Id in Secrets Manager of the keys that upload URLs are signed with"
    )
    operator_token_secret_id: str = Field(description="Id in Secrets Manager of the bearer token that writes need")
    webhook_key_secret_id: str = Field(
        description="Id in Secrets Manager of the key that webhooks' own keys are derived from"
    )
    rotation_days: int = Field(30, ge=2, le=365, description="Age at which the newest signing key gets a successor")
