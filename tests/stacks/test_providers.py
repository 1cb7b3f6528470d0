"""With an emulator, no call leaves this machine."""

import pytest

from stacks.providers import EMULATED
from tests.stacks.stacks_under_test import account_graph, environment_graph

CALLED_OTHERWISE = {"cloudwatch": "cloudwatchlogs", "lb": "elbv2", "vpc": "ec2"}
"""A module of the provider -> the service that answers."""


@pytest.mark.parametrize("stack", ["dev", "prod", "bootstrap", "bootstrap-prod"])
def test_every_service_that_a_stack_uses_is_led_to_the_emulator(stack: str) -> None:
    graph = account_graph(stack) if stack.startswith("bootstrap") else environment_graph(stack)
    modules = {
        resource.type.split(":")[1].partition("/")[0]
        for resource in graph.resources
        if resource.type.startswith("aws:")
    }
    used = {CALLED_OTHERWISE.get(module, module) for module in modules}
    assert used - set(EMULATED) == set()
