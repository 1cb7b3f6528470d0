"""Bad examples of every check, each one change of the sound stack."""

from tests.policy.bad import accounts, cloud, cluster, edge, mesh, processing

ALL = (*edge.BAD, *cloud.BAD, *accounts.BAD, *cluster.BAD, *mesh.BAD, *processing.BAD)
