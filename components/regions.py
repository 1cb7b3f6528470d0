"""The regions of AWS with their availability zones, and what they mean for a configuration. Pure.

Source: AWS, "Regions and Availability Zones" (docs.aws.amazon.com/global-infrastructure/latest/regions). An account may
see fewer zones of an old region; a zone that is not here, nobody sees.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

ZONES: Mapping[str, str] = MappingProxyType(
    {
        "af-south-1": "abc",
        "ap-east-1": "abc",
        "ap-northeast-1": "abcd",
        "ap-northeast-2": "abcd",
        "ap-northeast-3": "abc",
        "ap-south-1": "abc",
        "ap-south-2": "abc",
        "ap-southeast-1": "abc",
        "ap-southeast-2": "abc",
        "ap-southeast-3": "abc",
        "ap-southeast-4": "abc",
        "ap-southeast-5": "abc",
        "ap-southeast-7": "abc",
        "ca-central-1": "abd",
        "ca-west-1": "abc",
        "eu-central-1": "abc",
        "eu-central-2": "abc",
        "eu-north-1": "abc",
        "eu-south-1": "abc",
        "eu-south-2": "abc",
        "eu-west-1": "abc",
        "eu-west-2": "abc",
        "eu-west-3": "abc",
        "il-central-1": "abc",
        "me-central-1": "abc",
        "me-south-1": "abc",
        "mx-central-1": "abc",
        "sa-east-1": "abc",
        "us-east-1": "abcdef",
        "us-east-2": "abc",
        "us-west-1": "abc",
        "us-west-2": "abcd",
    }
)
"""Region -> the letters of its zones."""


def known_region(region: str) -> str:
    """Return a region that exists. Raises ValueError."""
    if region not in ZONES:
        raise ValueError(f"is no region of AWS; there are {', '.join(ZONES)}")
    return region


def zones(region: str) -> tuple[str, ...]:
    """Return the names of the zones of a region."""
    return tuple(f"{region}{letter}" for letter in ZONES[region])


def check_zones(region: str, chosen: Sequence[str]) -> None:
    """Raise ValueError for zones that a region does not have."""
    if lacking := [zone for zone in chosen if zone not in zones(region)]:
        named = ", ".join(zone or repr(zone) for zone in lacking)
        raise ValueError(f"network.zones: {named} is not in region {region}, which has {', '.join(zones(region))}")
