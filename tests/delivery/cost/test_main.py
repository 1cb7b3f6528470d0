"""`python -m delivery.cost` on the stacks of this repository."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

import delivery.cost.__main__ as command
from components.cluster.versions import SUPPORT, days_of_standard_support
from delivery.cost.estimate import PRICED, estimate
from delivery.cost.prices import regions
from delivery.errors import UnknownAttributeError
from stacks import config
from stacks.config import EnvironmentConfig, load_account, load_environment, read_stack_file
from tests.stacks.stacks_under_test import account_graph, environment_config, environment_graph


class Change(Protocol):
    """Changes values of one section in what a stack's file says."""

    def __call__(self, section: str, **values: Any) -> None: ...


TODAY = date(2026, 11, 25)
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Change:

    def change(section: str, **values: Any) -> None:
        def changed_file(stack: str, key: str, folder: Path) -> dict[str, Any]:
            settings: dict[str, Any] = read_stack_file(stack, key, folder)
            if key != "environment":
                return settings
            return {**settings, section: {**settings.get(section, {}), **values}}

        monkeypatch.setattr(config, "read_stack_file", changed_file)

    return change


def test_dev_and_prod_cost_less_than_their_caps(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    output = capsys.readouterr().out
    assert re.search(r"dev: \d+ hours a week in eu-west-1", output)
    assert "prod: 168 hours a week" in output
    assert "OVER" not in output


def test_a_stack_over_its_cap_fails_and_says_how_many_hours_the_cap_buys(
    capsys: pytest.CaptureFixture[str], changed: Change
) -> None:
    changed("schedule", start="00:00", stop="23:00")
    assert command.main(["dev"]) == 1
    assert re.search(r"of 5: OVER ITS CAP, which buys 1\d\.\d hours", capsys.readouterr().out)


def test_the_nodes_that_the_pods_take_are_said_and_priced(capsys: pytest.CaptureFixture[str], changed: Change) -> None:
    assert command.main(["dev"]) == 0
    before = nodes_at_rest(capsys.readouterr().out)
    changed("services", gateway={"minimum": 9, "maximum": 9})
    assert command.main(["dev"]) == 1
    after = nodes_at_rest(capsys.readouterr().out)
    assert after > before
    further = command.cost(load_environment("dev"), "dev", TODAY).lines
    assert sum(line.count for line in further if line.item == "t3.medium") == after


def nodes_at_rest(output: str) -> int:
    found = re.search(r"  at rest, the pods take (\d+): ", output)
    assert found, output
    return int(found[1])


def test_a_stack_whose_pods_do_not_fit_on_its_nodes_is_refused(
    capsys: pytest.CaptureFixture[str], changed: Change
) -> None:
    changed("services", gateway={"minimum": 1, "maximum": 60})
    assert command.main(["dev"]) == 2
    assert "not all pods have a place on 4 nodes t3.medium (cluster.nodes.maximum): " in capsys.readouterr().err


def test_every_line_can_be_seen_with_the_source_of_its_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["dev", "--lines"]) == 0
    output = capsys.readouterr().out
    assert "EKS control plane" in output
    assert "AWS price lists" in output


def test_a_stack_that_does_not_exist_is_said_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["staging"]) == 2
    assert (
        "there is no Pulumi.staging.yaml; there are the stacks bootstrap, bootstrap-prod, dev, prod"
        in capsys.readouterr().err
    )


def test_an_instance_without_a_price_is_said_with_where_to_add_it(
    capsys: pytest.CaptureFixture[str], changed: Change
) -> None:
    changed("database", instance_class="db.x2g.large")
    assert command.main(["dev"]) == 2
    assert "no price of db.x2g.large in eu-west-1: add it to delivery/cost/prices.py" in capsys.readouterr().err


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_resource_that_has_a_price_is_priced_by_what_it_says(stack: str) -> None:
    parts = command.parts(environment_graph(stack))
    lines = estimate(parts, load_environment(stack).region, TODAY)
    unpriced = {part.name for part in parts if part.type in PRICED} - {line.resource for line in lines}
    costless = {part.name for part in parts if part.props.get("vpcEndpointType") == "Gateway"}
    # The charts that ask for no volume.
    costless |= {part.name for part in parts if part.type == RELEASE and "Gi'" not in str(part.props["values"])}
    # The jobs that ask CloudWatch nothing.
    jobs = {part.name: str(part.props) for part in parts if part.type == "kubernetes:batch/v1:CronJob"}
    costless |= {name for name, job in jobs.items() if "DATABASE_INSTANCE" not in job}
    assert unpriced == costless, "only these cost nothing"


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_database_and_every_node_has_the_storage_that_is_declared(stack: str) -> None:
    graph = environment_graph(stack)
    lines = estimate(command.parts(graph), load_environment(stack).region, TODAY)
    source = graph.one("Instance", "database").inputs
    storage = sum(line.count for line in lines if line.item == "database storage, GB")
    assert storage == source["allocatedStorage"] * (len(graph.of("Instance")) + source["multiAz"])
    (device,) = graph.one("LaunchTemplate").inputs["blockDeviceMappings"]
    groups = {group.name: group.inputs["scalingConfig"]["minSize"] for group in graph.of("NodeGroup")}
    volumes = sum(line.count for line in lines if line.item == "gp3 volume, GB" and line.resource in groups)
    assert volumes == device["ebs"]["volumeSize"] * sum(groups.values())


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_volumes_of_the_charts_are_priced_as_configured(stack: str) -> None:
    graph, config = environment_graph(stack), load_environment(stack)
    charts = {release.name for release in graph.of("Release")}
    lines = estimate(command.parts(graph), config.region, TODAY)
    priced = sum(line.count for line in lines if line.item == "gp3 volume, GB" and line.resource in charts)
    replicas = 2 if config.protected else 1
    alerts_gib = 1
    assert priced == replicas * (config.monitoring.metrics_gib + alerts_gib) + 2 * config.monitoring.telemetry_gib


def test_the_estimate_knows_what_a_version_costs_on_the_day(
    capsys: pytest.CaptureFixture[str], changed: Change
) -> None:
    changed("cluster", version="1.34")
    ends = SUPPORT["1.34"].standard_ends
    assert command.main(["dev"], ends) == 0
    assert command.main(["dev", "--lines"], ends + timedelta(days=1)) == 1
    assert "EKS control plane in extended support" in capsys.readouterr().out


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_version_of_a_stack_has_60_days_of_standard_support_left(stack: str) -> None:
    """Time alone lets this fail: then raise `cluster.version`, as docs/deploy.md says."""
    version = load_environment(stack).cluster.version
    left = days_of_standard_support(version, datetime.now(UTC).date())
    assert left >= 60, f"Kubernetes {version} has {left} days of standard support left"


def test_the_days_of_standard_support_are_counted_to_the_last() -> None:
    last = SUPPORT["1.35"].standard_ends
    days = [days_of_standard_support("1.35", last + timedelta(days=shift)) for shift in (-60, 0, 1)]
    assert days == [60, 0, -1]


# Type -> a property without which nobody knows its price.
SAYING = {
    ("eks:index:Cluster", "version"),
    ("aws:eks/nodeGroup:NodeGroup", "scalingConfig"),
    ("aws:eks/nodeGroup:NodeGroup", "instanceTypes"),
    ("aws:eks/nodeGroup:NodeGroup", "launchTemplate"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "blockDeviceMappings"),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "vpcEndpointType"),
    ("aws:rds/instance:Instance", "instanceClass"),
    ("aws:kinesis/stream:Stream", "streamModeDetails"),
    ("aws:lb/loadBalancer:LoadBalancer", "subnets"),
}


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize(("type_", "attribute"), sorted(SAYING))
def test_no_attribute_that_a_price_depends_on_goes_missing_unnoticed(stack: str, type_: str, attribute: str) -> None:
    parts = command.parts(environment_graph(stack))
    saying = [part for part in parts if part.type == type_ and attribute in part.props]
    assert saying
    for part in saying:
        silent = replace(part, props={name: value for name, value in part.props.items() if name != attribute})
        with pytest.raises(UnknownAttributeError, match=f"{part.name} has no {attribute}"):
            estimate([silent if other is part else other for other in parts], load_environment(stack).region, TODAY)


def test_every_type_that_has_a_price_is_in_a_stack() -> None:
    graphs = [environment_graph("dev"), environment_graph("prod"), account_graph()]
    assert set(PRICED) <= {part.type for graph in graphs for part in command.parts(graph)}


def test_what_stays_between_two_lives_of_a_stack_is_priced_all_week() -> None:
    config, of = environment_config("dev"), load_account("bootstrap")
    lines = command.standing_cost(config, "dev", of, TODAY)
    count = {item: sum(line.count for line in lines if line.item == item) for item in {line.item for line in lines}}
    graph = account_graph()
    assert count["KMS key"] == len(graph.of("aws:kms/key:Key"))
    assert count["secret"] == len(graph.of("aws:secretsmanager/secret:Secret"))
    size = environment_graph("dev").one("aws:rds/instance:Instance").inputs["allocatedStorage"]
    assert count["database snapshot, GB"] == size * config.database.snapshots_kept


def test_what_an_account_keeps_for_another_environment_is_not_this_ones() -> None:
    of = load_account("bootstrap")
    alone = command.standing_cost(environment_config("dev"), "dev", of, TODAY)
    shared = of.model_copy(update={"environments": ("dev", "staging")})
    with_another = command.standing_cost(environment_config("dev"), "dev", shared, TODAY)
    assert Counter(with_another) == Counter(alone)


def test_the_region_of_every_stack_has_prices() -> None:
    used = {EnvironmentConfig.model_validate(read_stack_file(stack, "environment")).region for stack in ("dev", "prod")}
    assert used <= regions()
