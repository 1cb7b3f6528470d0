"""How a network's range is divided."""

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.network.addresses import subnet_layout

ranges = st.builds(
    lambda block, prefix: IPv4Network((int(IPv4Network("10.0.0.0/8").network_address) + (block << 12), 20)).supernet(
        new_prefix=prefix
    ),
    st.integers(min_value=0, max_value=2**12 - 1),
    st.integers(min_value=16, max_value=20),
)


@given(cidr=ranges, zones=st.integers(min_value=1, max_value=3))
def test_every_part_lies_inside_and_no_two_overlap(cidr: IPv4Network, zones: int) -> None:
    parts = subnet_layout(cidr, tuple("abc"[:zones]))
    networks = [network for part in parts for network in (part.public, part.private)]
    assert len(networks) == 2 * zones
    assert all(network.subnet_of(cidr) for network in networks)
    assert not any(first.overlaps(second) for first in networks for second in networks if first is not second)


@given(cidr=ranges)
def test_a_zone_that_joins_later_moves_no_other(cidr: IPv4Network) -> None:
    assert subnet_layout(cidr, ("a", "b")) == subnet_layout(cidr, ("a", "b", "c"))[:2]


def test_a_sixteen_has_room_for_sixteen_thousand_pods_in_each_zone() -> None:
    first, second = subnet_layout(IPv4Network("10.20.0.0/16"), ("a", "b"))
    assert (str(first.private), str(first.public)) == ("10.20.0.0/18", "10.20.192.0/20")
    assert (str(second.private), str(second.public)) == ("10.20.64.0/18", "10.20.208.0/20")


def test_a_range_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/24 is too small to divide"):
        subnet_layout(IPv4Network("10.0.0.0/24"), ("a", "b"))
    with pytest.raises(ValueError, match="at most 3 zones fit"):
        subnet_layout(IPv4Network("10.0.0.0/16"), ("a", "b", "c", "d"))
