"""Ranges of addresses: what they cover together, however they are cut."""

import ipaddress
from collections.abc import Iterable
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE = tuple(
    ipaddress.ip_network(cidr)
    for cidr in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
)
LARGEST = {4: 2**24, 6: 2**112}
"""More public addresses than this no organisation holds: whoever opens more has opened to strangers."""


def open_to_world(cidrs: Iterable[str]) -> bool:
    """Tell whether ranges together cover more of the internet than one organisation can hold.

    0.0.0.0/0 does, and so does 0.0.0.0/1 with 128.0.0.0/1, or either of them. Private ranges do not count.
    """
    networks = [network for cidr in cidrs if (network := parse(cidr)) is not None]
    public = {4: 0, 6: 0}
    for network in ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network)):
        public[4] += network.num_addresses - _private(network)
    for wide in ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network)):
        # The internet's part of IPv6 is 2000::/3; unique local addresses begin with fc00::/7.
        public[6] += 0 if wide.is_private else wide.num_addresses
    return any(public[version] > largest for version, largest in LARGEST.items())


def parse(cidr: str) -> Network | None:
    """Return a range; None for what is none, which AWS refuses."""
    try:
        return ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None


def _private(network: ipaddress.IPv4Network) -> int:
    if any(network.subnet_of(private) for private in PRIVATE if isinstance(private, ipaddress.IPv4Network)):
        return network.num_addresses
    return sum(
        private.num_addresses
        for private in PRIVATE
        if isinstance(private, ipaddress.IPv4Network) and private.subnet_of(network)
    )
