"""The arithmetic of addresses: how a VPC's range is divided. Pure."""

from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True, slots=True)
class SubnetRanges:
    """The ranges of one zone."""

    zone: str
    public: IPv4Network
    private: IPv4Network


def subnet_layout(cidr: IPv4Network, zones: tuple[str, ...]) -> tuple[SubnetRanges, ...]:
    """Divide a VPC's range: a quarter private and a sixteenth public for each of two zones.

    Pods take their addresses from the private ranges, load balancers and NAT gateways few from the public ones. The
    last quarter and a half stay free for a third zone. Raises ValueError when the range is too small.
    """
    if len(zones) > 3:
        raise ValueError(f"at most 3 zones fit, got {len(zones)}")
    if cidr.prefixlen > 22:
        raise ValueError(f"{cidr} is too small to divide: /22 or larger is needed")
    quarters = list(cidr.subnets(prefixlen_diff=2))
    sixteenths = list(quarters[3].subnets(prefixlen_diff=2))
    return tuple(
        SubnetRanges(zone, public, private) for zone, public, private in zip(zones, sixteenths, quarters, strict=False)
    )
