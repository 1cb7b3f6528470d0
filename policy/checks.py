"""Every check of the pack."""

from policy import cluster, data, identity, network, workload
from policy.check import Check

ALL: tuple[Check, ...] = (*network.CHECKS, *cluster.CHECKS, *data.CHECKS, *identity.CHECKS, *workload.CHECKS)
