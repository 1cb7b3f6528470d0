"""The sections of the configuration that say where the network lies and who may come in."""

from pydantic import Field, field_validator, model_validator

from components.section import Cidr, Distinct, Section, Url, not_world_open


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
    """OpenID Connect for people who look at the website. Devices are not asked."""

    issuer: Url = Field(examples=["https://login.example.com"])
    authorization_endpoint: Url = Field(examples=["https://login.example.com/authorize"])
    token_endpoint: Url = Field(examples=["https://login.example.com/token"])
    user_info_endpoint: Url = Field(examples=["https://login.example.com/userinfo"])
    client_id: str = Field(min_length=1, examples=["example"])
    client_secret_name: str = Field(min_length=1, description="Name in Secrets Manager", examples=["example/login"])


class IngressConfig(Section):
    """The way in. Without a domain there is no certificate: then only known networks may come, over plain HTTP."""

    domain: str | None = Field(None, pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", examples=["www.example.com"])
    zone_id: str | None = Field(None, description="Route 53 hosted zone of the domain", examples=["Z0123456789ABC"])
    allowed_cidrs: Distinct[Cidr] = Field(
        (), description="Networks that may come; empty with a domain: everybody", examples=[["198.51.100.0/24"]]
    )
    login: LoginConfig | None = None

    @model_validator(mode="after")
    def _possible(self) -> "IngressConfig":
        if (self.domain is None) != (self.zone_id is None):
            raise ValueError("domain and zone_id belong together")
        if self.domain is None:
            if not self.allowed_cidrs:
                raise ValueError("without a domain there is no TLS: allowed_cidrs must name the networks that may come")
            for network in self.allowed_cidrs:
                not_world_open(network)
            if self.login is not None:
                raise ValueError("login needs a domain, because it needs a certificate")
        return self
