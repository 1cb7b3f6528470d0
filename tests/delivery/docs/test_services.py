"""The page of services says what the declarations say."""

import json

from apps.catalog import CATALOG
from delivery.docs.services import ACTIONS, document
from stacks.config import ROOT
from tests.stacks.stacks_under_test import environment_graph


def test_the_page_of_services_is_current() -> None:
    written = (ROOT / "docs/services.md").read_text()
    assert written == document(), "stale: nox -s docs"


def test_the_page_names_every_permission_that_a_stack_gives_but_the_use_of_keys() -> None:
    graph = environment_graph("dev")
    for declaration in CATALOG.declarations:
        policies = [
            policy for policy in graph.of("aws:iam/rolePolicy:RolePolicy") if policy.inputs["role"] == declaration.name
        ]
        statements = [
            statement for policy in policies for statement in json.loads(policy.inputs["policy"])["Statement"]
        ]
        given = {action for statement in statements for action in statement["Action"] if not action.startswith("kms:")}
        assert given == {action for need in declaration.needs for action in ACTIONS.get(type(need), ())}
