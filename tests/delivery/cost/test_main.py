"""`python -m delivery.cost` on the stacks of this repository."""

import pytest

import delivery.cost.__main__ as command
from delivery.cost.prices import regions
from stacks import config
from stacks.config import EnvironmentConfig, read_stack_file


@pytest.fixture
def changed(monkeypatch):
    """Return a function that changes what a stack's file says."""

    def change(section, **values):
        def changed_file(stack, key, folder):
            said = read_stack_file(stack, key, folder)
            return {**said, section: {**said.get(section, {}), **values}}

        monkeypatch.setattr(config, "read_stack_file", changed_file)

    return change


def test_dev_and_prod_cost_less_than_their_caps(capsys):
    assert command.main([]) == 0
    said = capsys.readouterr().out
    assert "dev: 14 hours a week in eu-west-1" in said
    assert "prod: 168 hours a week" in said
    assert "OVER" not in said


def test_a_stack_over_its_cap_fails_and_says_how_many_hours_the_cap_buys(capsys, changed):
    changed("schedule", start="00:00", stop="23:00")
    assert command.main(["dev"]) == 1
    assert "of 5: OVER ITS CAP, which buys 15." in capsys.readouterr().out


def test_every_line_can_be_seen_with_the_source_of_its_price(capsys):
    assert command.main(["dev", "--lines"]) == 0
    said = capsys.readouterr().out
    assert "EKS control plane" in said
    assert "AWS price lists" in said


def test_a_stack_that_does_not_exist_is_said_with_those_that_do(capsys):
    assert command.main(["staging"]) == 2
    assert (
        "there is no Pulumi.staging.yaml; there are the stacks bootstrap, bootstrap-prod, dev, prod"
        in capsys.readouterr().err
    )


def test_an_instance_without_a_price_is_said_with_where_to_add_it(capsys, changed):
    changed("database", instance_class="db.x2g.large")
    assert command.main(["dev"]) == 2
    assert "no price of db.x2g.large in eu-west-1: add it to delivery/cost/prices.py" in capsys.readouterr().err


def test_the_region_of_every_stack_has_prices():
    used = {EnvironmentConfig.model_validate(read_stack_file(stack, "environment")).region for stack in ("dev", "prod")}
    assert used <= regions()
