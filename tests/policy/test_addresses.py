"""What ranges cover together, however they are cut."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.addresses import PRIVATE, open_to_world, parse

WORLDS = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]


@given(st.sampled_from(WORLDS), st.lists(st.booleans(), max_size=12), st.randoms())
def test_the_world_is_open_in_whatever_pieces(world: ipaddress.IPv4Network, cuts: list[bool], random: object) -> None:
    pieces = [world]
    for first in cuts:
        piece = pieces.pop(0 if first else -1)
        pieces += piece.subnets()
    random.shuffle(pieces)  # type: ignore[attr-defined]
    assert open_to_world(map(str, pieces))


@given(st.lists(st.sampled_from(PRIVATE).flatmap(lambda p: st.integers(p.prefixlen, 32).map(lambda n: (p, n)))))
def test_private_addresses_are_not_the_world(parts: list[tuple[ipaddress.IPv4Network, int]]) -> None:
    assert not open_to_world(f"{network.network_address}/{length}" for network, length in parts)


@given(st.text())
def test_what_is_no_range_opens_nothing(text: str) -> None:
    assert parse(text) is not None or not open_to_world([text])


@pytest.mark.parametrize(
    ("cidrs", "world"),
    [
        (["0.0.0.0/0"], True),
        (["0.0.0.0/1"], True),
        (["0.0.0.0/1", "128.0.0.0/1"], True),
        (["11.0.0.0/8"], False),
        (["11.0.0.0/8", "12.0.0.0/8"], True),
        (["11.0.0.0/8", "11.0.0.0/8", "11.1.0.0/16"], False),
        (["192.0.2.0/24", "198.51.100.7/32"], False),
        (["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], False),
        (["8.0.0.0/6"], True),
        (["::/0"], True),
        (["2000::/3"], True),
        (["2001:db8::/32"], False),
        (["fc00::/7"], False),
        (["pl-1"], False),
        ([], False),
    ],
)
def test_a_company_is_not_the_world(cidrs: list[str], world: bool) -> None:
    assert open_to_world(cidrs) == world
