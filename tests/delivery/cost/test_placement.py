"""How many nodes pods take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.config import NodesConfig
from delivery.cost.placement import Capacity, allocatable, place
from delivery.cost.workloads import Workload
from delivery.errors import UnknownAttributeError, UnschedulableError

NODES = NodesConfig(instance_type="t3.medium", minimum=1, maximum=4, max_pods=35)
EACH = allocatable(NODES)


def pods(count: int, cpu_m: int = 1, memory_mib: int = 1) -> Workload:
    return Workload(name="pods", cpu_m=cpu_m, memory_mib=memory_mib, replicas=count, most=count)


def test_a_node_keeps_some_of_its_machine_for_itself() -> None:
    """4 GiB less 7.5 %, 255 MiB and 11 for each pod, and 100 below which pods are ended; 7 % of a processor."""
    assert allocatable(NODES) == Capacity(35, 1930, 3048)
    fewer_pods = NODES.model_copy(update={"max_pods": 25})
    assert allocatable(fewer_pods) == Capacity(25, 1930, 3048 + 110)


def test_a_machine_that_nobody_knows_is_said_with_where_to_add_it() -> None:
    with pytest.raises(UnknownAttributeError, match=r"how large a m7i\.large is: add it to MACHINES"):
        allocatable(NODES.model_copy(update={"instance_type": "m7i.large"}))


@pytest.mark.parametrize(
    ("workload", "limit"),
    [
        (pods(2 * EACH.pods + 1), "places"),
        (pods(5, cpu_m=EACH.cpu_m // 2), "processors"),
        (pods(5, memory_mib=EACH.memory_mib // 2), "memory"),
    ],
)
def test_places_processors_and_memory_each_limit(workload: Workload, limit: str) -> None:
    placed = place([workload], NODES)
    assert placed.nodes == 3
    assert str(placed).endswith(f"limited by {limit}")


def test_a_daemon_takes_its_share_of_every_node() -> None:
    half = pods(2, memory_mib=EACH.memory_mib // 2)
    daemon = Workload(name="daemon", cpu_m=1, memory_mib=8, on_every_node=True)
    assert place([half], NODES).nodes == 1
    placed = place([half, daemon], NODES)
    assert (placed.nodes, placed.taken.pods) == (2, 4)


def test_a_rolling_update_needs_room_and_so_does_the_most_that_autoscaling_makes() -> None:
    size = EACH.memory_mib // 2
    server = Workload(name="api", cpu_m=1, memory_mib=size, replicas=1, most=4, surge=2)
    assert place([server], NODES).nodes == 2
    assert place([server], NODES, at_most=True).nodes == 3


@pytest.mark.parametrize(
    "workload", [pods(9, memory_mib=EACH.memory_mib // 2), pods(1, memory_mib=EACH.memory_mib + 1)]
)
def test_pods_without_a_place_are_refused(workload: Workload) -> None:
    with pytest.raises(
        UnschedulableError,
        match=r"not all pods have a place on 4 nodes t3\.medium \(cluster\.nodes\.maximum\): .* by memory",
    ):
        place([workload], NODES)


WORKLOADS = st.builds(pods, st.integers(0, 20), st.integers(0, 2500), st.integers(0, 4000))


@given(st.lists(WORKLOADS, max_size=8))
def test_so_many_nodes_hold_what_is_placed_on_them(workloads: list[Workload]) -> None:
    try:
        placed = place(workloads, NODES)
    except UnschedulableError:
        return
    assert placed.taken.within(placed.capacity)
    assert placed.taken.pods == sum(workload.replicas for workload in workloads)
