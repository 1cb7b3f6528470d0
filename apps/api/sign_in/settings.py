"""Settings of signing in."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, Json, model_validator

from apps.api.permissions import Role
from apps.platform.settings import HttpSettings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class SignInSettings(HttpSettings):
    """With whom people sign in, and what they may then do."""

    anonymous: Literal["", "viewer"] = Field(
        "", description="`viewer`: whoever is not known may look at devices, readings, alerts and rules"
    )
    local_operator: str = Field(
        "",
        max_length=120,
        description="Who is taken for signed in as an administrator, without being asked; on a loopback address alone",
    )
    login_issuer: str = Field(
        "",
        pattern=r"^(https://.+|http://(127\.0\.0\.1|localhost)(:\d+)?(/.*)?)?$",
        description="Issuer of OpenID Connect with which people sign in; empty: nobody signs in",
    )
    login_client_id: str = Field("", description="The platform's client id at the issuer")
    login_client_secret_file: Path | None = Field(
        None, description="File with the client's secret, where the API signs people in; without one PKCE alone"
    )
    login_signer: str = Field(
        "", description="ARN of the load balancer that signs people in; empty: the API does it by itself"
    )
    login_keys_url: str = Field("", description="Where the load balancer's public keys are, each by its id")
    login_scope: str = Field("openid profile email", description="What the API asks the issuer for")
    login_name_claim: str = Field("email", description="Claim that names people in the audit trail; else `sub`")
    login_groups_claim: str = Field("groups", description="Claim that lists the groups of a person")
    login_roles: Json[dict[str, Role]] = Field(
        {}, description='Role of each group, as JSON: `{"platform": "administrator"}`; the greatest counts'
    )
    login_default_role: Literal["none", "viewer", "operator"] = Field(
        "viewer", description="Role of whoever is in none of these groups"
    )
    login_labels: Json[dict[str, frozenset[str]]] = Field(
        {}, description="Labels of the devices that the viewers of each group see, as JSON; empty: they see all"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.local_operator and self.http_host not in LOOPBACK:
            raise ValueError(
                f"LOCAL_OPERATOR makes everybody who reaches HTTP_HOST={self.http_host} an administrator: "
                "listen on 127.0.0.1, or let people sign in (LOGIN_ISSUER)"
            )
        if bool(self.login_issuer) != bool(self.login_client_id):
            raise ValueError("LOGIN_ISSUER and LOGIN_CLIENT_ID belong together")
        if bool(self.login_signer) != bool(self.login_keys_url):
            raise ValueError("LOGIN_SIGNER and LOGIN_KEYS_URL belong together")
        if self.login_signer and not self.login_issuer:
            raise ValueError("LOGIN_SIGNER needs LOGIN_ISSUER and LOGIN_CLIENT_ID: for whom does it sign people in?")
        return self
