"""What outlives a stack, and whether it can still be used then."""

import pytest

from delivery.recording import build
from stacks import environment
from stacks.config import load_environment
from tests.stacks.stacks_under_test import environment_graph


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_snapshot_that_outlives_the_stack_can_be_read_as_long_as_it_is_kept(stack: str) -> None:
    """The protection is lifted before a stack is taken down; what follows from it then must not shorten anything."""
    protected = load_environment(stack)
    lifted = protected.model_copy(update={"protected": False})
    graph = build(lambda: environment.deploy(lifted, stack), stack=stack)
    database = graph.one("aws:rds/instance:Instance", "database")
    key = next(made for made in graph.of("aws:kms/key:Key") if made.outputs["arn"] == database.inputs["kmsKeyId"])
    stays = not database.inputs["skipFinalSnapshot"] or not database.inputs["deleteAutomatedBackups"]
    assert key.retain_on_delete == stays == lifted.database.final_snapshot
    for kind, waiting in (("aws:kms/key:Key", "deletionWindowInDays"), ("Secret", "recoveryWindowInDays")):
        before = {made.name: made.inputs[waiting] for made in environment_graph(stack).of(kind)}
        assert {made.name: made.inputs[waiting] for made in graph.of(kind)} == before
