"""How many nodes the pods of a stack take: by their number, their processors and their memory. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from components.cluster.config import NodesConfig
from components.cluster.node_groups import reserved_mib
from delivery.cost.workloads import Workload
from delivery.errors import UnknownAttributeError, UnschedulableError


@dataclass(frozen=True, slots=True)
class Machine:
    """What an instance type has."""

    processors: int
    memory_gib: int


MACHINES: Mapping[str, Machine] = MappingProxyType({"t3.medium": Machine(2, 4), "t3.large": Machine(2, 8)})
"""Instance type -> what it has (AWS, "Amazon EC2 instance types")."""

VM_OVERHEAD = 0.075
"""How much less memory a machine shows than its type says: what Karpenter counts with by default."""

EVICTION_MIB = 100
"""Free memory below which EKS's kubelet ends pods."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Places for pods, thousandths of a processor, and MiB: what there is, or what is taken."""

    pods: int = 0
    cpu_m: int = 0
    memory_mib: int = 0

    def __add__(self, other: "Capacity") -> "Capacity":
        return Capacity(self.pods + other.pods, self.cpu_m + other.cpu_m, self.memory_mib + other.memory_mib)

    def __mul__(self, times: int) -> "Capacity":
        return Capacity(self.pods * times, self.cpu_m * times, self.memory_mib * times)

    def within(self, limit: "Capacity") -> bool:
        """Whether it fits into that."""
        return self.pods <= limit.pods and self.cpu_m <= limit.cpu_m and self.memory_mib <= limit.memory_mib

    def share(self, limit: "Capacity") -> dict[str, float]:
        """Return how much of each is taken: 1 is all."""
        return {
            "places": self.pods / limit.pods,
            "processors": self.cpu_m / limit.cpu_m,
            "memory": self.memory_mib / limit.memory_mib,
        }


@dataclass(frozen=True, slots=True)
class Placement:
    """Pods on the fewest nodes that hold them: what they take, and what so many nodes have."""

    nodes: int
    taken: Capacity
    capacity: Capacity

    def __str__(self) -> str:
        """What a person reads."""
        shares = self.taken.share(self.capacity)
        return (
            f"{self.taken.pods} of {self.capacity.pods} places for pods, "
            f"{self.taken.cpu_m / 1000:.1f} of {self.capacity.cpu_m / 1000:.1f} processors, "
            f"{self.taken.memory_mib / 1024:.1f} of {self.capacity.memory_mib / 1024:.1f} GiB; "
            f"limited by {max(shares, key=lambda what: shares[what])}"
        )


def allocatable(nodes: NodesConfig) -> Capacity:
    """Return what pods may take of one node. Raises UnknownAttributeError."""
    machine = MACHINES.get(nodes.instance_type)
    if machine is None:
        raise UnknownAttributeError(
            f"nobody knows how large a {nodes.instance_type} is: add it to MACHINES in delivery/cost/placement.py"
        )
    # EKS's AMI keeps 6 % of the first processor, 1 % of the second, half of that of two more, a quarter of each other.
    reserved = sum([60, 10, 5, 5][: machine.processors]) + 2.5 * max(0, machine.processors - 4)
    memory = machine.memory_gib * 1024 * (1 - VM_OVERHEAD) - reserved_mib(nodes.max_pods) - EVICTION_MIB
    return Capacity(nodes.max_pods, machine.processors * 1000 - math.ceil(reserved), int(memory))


def place(workloads: Sequence[Workload], nodes: NodesConfig, *, at_most: bool = False) -> Placement:
    """Return the fewest nodes that hold workloads while new images are deployed; with `at_most`, scaled to their most.

    Largest first, each on the first node that it fits. Raises UnschedulableError where the most nodes are too few,
    UnknownAttributeError.
    """
    node, everywhere = allocatable(nodes), _taken(workloads)
    pods = sorted(_pods(workloads, at_most=at_most), key=lambda pod: max(pod.share(node).values()), reverse=True)
    for count in range(1, nodes.maximum + 1):
        found = Placement(count, sum(pods, everywhere * count), node * count)
        if _fits(pods, [everywhere] * count, node):
            return found
    raise UnschedulableError(
        f"not all pods have a place on {nodes.maximum} nodes {nodes.instance_type} (cluster.nodes.maximum): {found}"
    )


def _pods(workloads: Iterable[Workload], *, at_most: bool) -> Iterator[Capacity]:
    for workload in workloads:
        if not workload.on_every_node:
            count = (workload.most if at_most else workload.replicas) + workload.surge
            yield from [_of(workload)] * count


def _taken(workloads: Iterable[Workload]) -> Capacity:
    return sum((_of(workload) for workload in workloads if workload.on_every_node), Capacity())


def _of(workload: Workload) -> Capacity:
    return Capacity(1, workload.cpu_m, workload.memory_mib)


def _fits(pods: Sequence[Capacity], nodes: list[Capacity], node: Capacity) -> bool:
    for pod in pods:
        for index, taken in enumerate(nodes):
            if (taken + pod).within(node):
                nodes[index] = taken + pod
                break
        else:
            return False
    return True
