"""Every check of the pack."""

from policy import (
    access,
    buckets,
    charts,
    cluster,
    data,
    doors,
    machines,
    mesh,
    namespaces,
    network,
    permissions,
    processing,
    resource_policies,
    secrets,
    trust,
    workload,
)
from policy.check import Check

ALL: tuple[Check, ...] = (
    *network.CHECKS,
    *doors.CHECKS,
    *cluster.CHECKS,
    *machines.CHECKS,
    *processing.CHECKS,
    *data.CHECKS,
    *buckets.CHECKS,
    *permissions.CHECKS,
    *trust.CHECKS,
    *resource_policies.CHECKS,
    *secrets.CHECKS,
    *namespaces.CHECKS,
    *workload.CHECKS,
    *access.CHECKS,
    *charts.CHECKS,
    *mesh.CHECKS,
)
