"""What the sections of a stack's configuration have in common: their base and the types of their values. Pure.

A section is a frozen model in `components/FOLDER/config.py`, named after the component that takes it as it is. What
stands in a stack's file is kept as it was written: an OIDC issuer, for instance, must match to the last character.
"""

from ipaddress import IPv4Network
from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from apps.platform.settings import REGION_PATTERN
from components.regions import known_region


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        # To pydantic "1_000" is a thousand and true one, 1 and "on" are true.
        kinds = _kinds(cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, str | bool) and kinds and kinds <= {int, float}:
            raise ValueError("must be a number, in plain digits and without quotes")
        if kinds == {bool} and value is not None and not isinstance(value, bool):
            raise ValueError("must be true or false, without quotes")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """Return the types that a field may have, but for none."""
    return (set(get_args(annotation)) or {annotation}) - {NoneType}


def not_world_open(network: IPv4Network) -> IPv4Network:
    """Return a network that may be let in. Raises ValueError for the whole internet."""
    if network.prefixlen < 8:
        raise ValueError("must be known networks, not the whole internet")
    return network


def _text(value: Any) -> Any:
    # IPv4Network takes 1 and True for addresses.
    if not isinstance(value, str | IPv4Network):
        raise ValueError("must be a network as text, such as 198.51.100.0/24")
    # pydantic's own message does not say that a host stands where a network should.
    return IPv4Network(value)


AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Region = Annotated[str, StringConstraints(pattern=REGION_PATTERN), AfterValidator(known_region)]
PrincipalArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/\S+$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]+(:\d+)?(/\S*)?$")]
Cidr = Annotated[IPv4Network, BeforeValidator(_text)]
KnownCidr = Annotated[Cidr, AfterValidator(not_world_open)]
"""A network that may be let in: never the whole internet."""
