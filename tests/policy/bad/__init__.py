"""Bad examples of every check, each one change of the sound stack."""

from tests.policy.bad import accounts, cloud, cluster, edge

ALL = (*edge.BAD, *cloud.BAD, *accounts.BAD, *cluster.BAD)
