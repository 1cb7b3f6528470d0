"""The sections of the configuration that say where the network lies and who may come in."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from apps.platform.distinct import Distinct
from components.section import Cidr, KnownCidr, Section, Url


class NetworkConfig(Section):
    """Addresses."""

    cidr: Cidr = Field(description="Private range of the VPC, /16 to /20", examples=["10.20.0.0/16"])
    zones: Distinct[str] = Field(description="Two zones of the region", examples=[["eu-west-1a", "eu-west-1b"]])
    nat_per_zone: bool = Field(False, description="A NAT gateway in each zone instead of one", examples=[True])
    private_endpoints: bool = Field(
        False, description="AWS is reached through interface endpoints instead of the NAT", examples=[True]
    )

    @field_validator("cidr")
    @classmethod
    def _private(cls, cidr: Cidr) -> Cidr:
        if not cidr.is_private or not 16 <= cidr.prefixlen <= 20:
            raise ValueError("must be a private range between /16 and /20")
        return cidr

    @field_validator("zones")
    @classmethod
    def _two(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        if len(zones) != 2:
            raise ValueError("must be two different zones: the cluster and the database refuse one")
        return zones


class LoginConfig(Section):
    """OpenID Connect for people who look at the website. Neither devices nor programs with a token are asked."""

    issuer: Url = Field(examples=["https://login.example.com"])
    authorization_endpoint: Url = Field(examples=["https://login.example.com/authorize"])
    token_endpoint: Url = Field(examples=["https://login.example.com/token"])
    user_info_endpoint: Url = Field(examples=["https://login.example.com/userinfo"])
    client_id: str = Field(min_length=1, examples=["example"])
    client_secret_name: str = Field(
        pattern=r"^[A-Za-z0-9/_+=.@-]+$", description="Name in Secrets Manager", examples=["example/login"]
    )
    scope: str = Field(
        "openid email profile",
        pattern=r"^openid( [a-zA-Z0-9:/._-]+)*$",
        description="What the issuer is asked to tell of people; groups may need one more",
        examples=["openid email groups"],
    )
    name_claim: str = Field(
        "email", min_length=1, description="Claim that names people in the audit trail", examples=["email"]
    )
    groups_claim: str = Field("groups", min_length=1, description="Claim that lists groups", examples=["groups"])
    roles: Mapping[str, Literal["viewer", "operator", "administrator"]] = Field(
        {}, description="Role of each group; the greatest counts", examples=[{"platform": "administrator"}]
    )
    default_role: Literal["none", "viewer", "operator"] = Field(
        "viewer", description="Role of whoever is in none of these groups", examples=["none"]
    )
    labels: Mapping[str, Distinct[str]] = Field(
        {},
        description="Labels of the devices that the viewers of each group see; empty: all",
        examples=[{"plant-a": ["site:a"]}],
    )
    client_secret_version: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]{32,64}$",
        description="Version id of the secret; another one brings a secret that was changed to the load balancer",
        examples=["a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"],
    )


class IngressConfig(Section):
    """The way in. Without a domain there is no certificate: then only known networks may come, over plain HTTP."""

    domain: str | None = Field(None, pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", examples=["www.example.com"])
    zone_id: str | None = Field(None, description="Route 53 hosted zone of the domain", examples=["Z0123456789ABC"])
    allowed_cidrs: Distinct[KnownCidr] = Field(
        (), description="Networks that may come; empty with a domain: everybody", examples=[["198.51.100.0/24"]]
    )
    login: LoginConfig | None = None
    anonymous: Literal["viewer"] | None = Field(
        None,
        description="Whoever may come looks at devices, readings, alerts and rules without signing in: for a trial",
        examples=["viewer"],
    )
    web_acl: bool | None = Field(
        None, description="AWS WAF before the load balancer; None: where the stack is protected", examples=[True]
    )
    requests_per_address: int = Field(
        6000,
        ge=100,
        le=2_000_000,
        description="Most requests of one address in 5 minutes, by the web ACL",
        examples=[6000],
    )

    @model_validator(mode="after")
    def _possible(self) -> "IngressConfig":
        if (self.domain is None) != (self.zone_id is None):
            raise ValueError("domain and zone_id belong together")
        if self.domain is None:
            if not self.allowed_cidrs:
                raise ValueError("without a domain there is no TLS: allowed_cidrs must name the networks that may come")
            if self.login is not None:
                raise ValueError("login needs a domain, because it needs a certificate")
        if self.login is not None and self.anonymous is not None:
            raise ValueError("login and anonymous exclude each other: who has not signed in does not come this far")
        return self

    @property
    def is_open(self) -> bool:
        """Whether everybody may come and read."""
        return not self.allowed_cidrs and self.login is None

    @property
    def warnings(self) -> Iterator[str]:
        """What a person should know who deploys this."""
        if self.domain is None:
            yield (
                "ingress: THERE IS NO TLS. Without ingress.domain and zone_id the operator's token, upload URLs and "
                "readings pass the internet in clear, whoever may come."
            )
        if self.is_open and self.anonymous:
            yield (
                "ingress: EVERYBODY ON THE INTERNET READS every reading, device and alert. "
                "Give ingress.login or ingress.allowed_cidrs."
            )
        if self.login is None and self.anonymous is None:
            yield (
                "ingress: NOBODY CAN LOOK at the dashboard without a key. "
                "Give ingress.login, or ingress.anonymous: viewer for a trial."
            )
