"""A stack's configuration is checked key by key, and an error prints the YAML to write."""

import copy
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from apps.catalog import CATALOG
from stacks.config import (
    ROOT,
    AccountConfig,
    EnvironmentConfig,
    check_keys,
    environments,
    load,
    load_environment,
    read_stack_file,
)
from stacks.errors import StackConfigError

DIGEST = "sha256:" + "a" * 64
ADMINISTRATOR = "arn:aws:iam::111111111111:role/platform"


def smallest() -> dict[str, Any]:
    """The smallest environment that the documentation shows."""
    text = (ROOT / "docs/deploy.md").read_text()
    block = re.search(r"<!-- smallest -->\n```yaml\n(.*?)```", text, re.DOTALL)
    assert block, "docs/deploy.md shows no smallest configuration"
    shown: dict[str, Any] = yaml.safe_load(block[1])["config"]["sensor-analytics:environment"]
    return shown


def changed(path: str, value: Any) -> dict[str, Any]:
    """Dev's configuration with one value replaced; `...` takes it away."""
    config: dict[str, Any] = copy.deepcopy(read_stack_file("dev", "environment"))
    *parents, last = path.split(".")
    section = config
    for part in parents:
        section = section[part]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    return config


def refusal(config: dict[str, Any] | None, stack: str = "dev") -> str:
    with pytest.raises(StackConfigError) as refused:
        load(EnvironmentConfig, stack, "environment", config)
    return str(refused.value)


@pytest.mark.parametrize("stack", environments())
def test_the_environments_files_load_and_their_accounts_know_them(stack: str) -> None:
    assert load_environment(stack).network.zones


def test_the_smallest_documented_configuration_loads() -> None:
    built = dict.fromkeys(CATALOG.images, f"repository@{DIGEST}")
    config = load(EnvironmentConfig, "try", "environment", smallest() | {"images": built})
    assert config.database.instance_class == "db.t4g.small"
    assert config.cluster.nodes.instance_type == "t3.medium"


def test_dev_runs_no_longer_than_its_cap_buys() -> None:
    schedule = load(EnvironmentConfig, "dev", "environment", read_stack_file("dev", "environment")).schedule
    assert schedule is not None
    assert schedule.hours_per_week == 11


def test_a_stack_without_configuration_is_told_the_smallest_one_that_it_needs() -> None:
    message = refusal(None, stack="new")
    assert message.startswith("Pulumi.new.yaml has no sensor-analytics:environment. Write:")
    proposed = yaml.safe_load(message.partition("Write:\n")[2])["config"]["sensor-analytics:environment"]
    assert {"account", "region", "network", "cluster", "ingress", "monitoring"} == proposed.keys()
    assert re.search("environment.images: .*storage missing: without", error := refusal(proposed, stack="new"))
    assert "`nox -s images -- build --push STACK --version VERSION` builds all of them" in error
    proposed["images"] = dict.fromkeys(CATALOG.images, f"repository@{DIGEST}")
    load(EnvironmentConfig, "new", "environment", proposed)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("network.cidr", "10.20.0.1/16", "environment.network.cidr: 10.20.0.1/16 has host bits set"),
        ("network.cidr", "8.8.0.0/16", "must be a private range between /16 and /20, got '8.8.0.0/16'"),
        ("network.cidr", "10.20.0.0/28", "must be a private range between /16 and /20"),
        ("network.zones", ["eu-west-1a", "eu-west-1a"], "environment.network.zones: eu-west-1a stands here twice"),
        ("network.zones", ["eu-west-1a"], "must be two different zones"),
        (
            "network.zones",
            ["eu-west-1a", "eu-west-1d"],
            "eu-west-1d is not in region eu-west-1, which has eu-west-1a, ",
        ),
        ("network.zones", ["us-east-1a", "eu-west-1a"], "us-east-1a is not in region eu-west-1"),
        ("region", "Ireland", "environment.region: "),
        ("region", "eu-wset-1", "environment.region: is no region of AWS; there are af-south-1, "),
        ("account", 111111111111, "environment.account: "),
        ("cluster.version", 1.34, "environment.cluster.version: "),
        (
            "cluster",
            {"administrators": [ADMINISTRATOR], "viewers": [ADMINISTRATOR]},
            "is listed as both administrator and viewer",
        ),
        ("cluster.public_access_cidrs", ["0.0.0.0/0"], "must be known networks, not the whole internet"),
        ("cluster.nodes", {"minimum": 5, "maximum": 2}, "minimum 5 is more than maximum 2"),
        ("cluster.addons", {"vpc-cni": "1.20"}, r"must match ^v\d+\.\d+\.\d+-eksbuild\.\d+$, got '1.20'"),
        ("cluster.addons", {"vpc_cni": "v1.20.4-eksbuild.1"}, "Input should be 'vpc-cni', 'kube-proxy', "),
        ("cluster.nodes", {"instance_type": "t4g.medium"}, "must be a machine with an x86 processor"),
        ("images.api", "repository/api:latest", "environment.images.api: "),
        ("images.storage", ..., "environment.images: storage missing: without migration nothing else can be deployed"),
        ("images.dashboard", ..., "dashboard missing: without dashboard nothing else can be deployed"),
        ("images.extra", f"repository/extra@{DIGEST}", "environment.images: unknown image extra; known: api, "),
        ("ingress.allowed_cidrs", [], "allowed_cidrs must name the networks that may come"),
        ("ingress.allowed_cidrs", ["0.0.0.0/0"], "must be known networks, not the whole internet"),
        ("ingress.allowed_cidrs", [True], "must be a network as text, such as 198.51.100.0/24, got True"),
        ("ingress.domain", "sensors.example.com", "domain and zone_id belong together"),
        ("schedule.stop", "07:00", "start must be before stop on the same day"),
        ("stream", {"retention_hours": 12}, "environment.stream.retention_hours: "),
        ("services.gatway", {"minimum": 1}, "unknown service gatway; known: "),
        ("services.api", {"settings": {"LOGLEVEL": "INFO"}}, "api does not read LOGLEVEL; it reads "),
        ("stream", {"retention_hours": 192}, "stream.retention_hours must be less than 192"),
        (
            "services.partitions",
            {"settings": {"READINGS_RETENTION_MONTHS": 6}},
            "READINGS_RETENTION_MONTHS must be the same for all that read it: ",
        ),
        ("services.detector", {"minimum": 2}, "detector runs to its end: it has no minimum and maximum"),
        ("protected", True, "protected: database.backup_days must be at least 7"),
        ("database", {"final_snapshot": "perhaps"}, "environment.database.final_snapshot: "),
    ],
)
def test_a_wrong_value_is_one_clear_line(path: str, value: Any, says: str) -> None:
    message = refusal(changed(path, value))
    assert message.startswith("Pulumi.dev.yaml cannot be used:\n")
    assert says in message
    assert "Traceback" not in message


def test_a_protected_stack_cannot_be_scheduled_away() -> None:
    config = changed("protected", True) | {"database": {"backup_days": 7, "final_snapshot": True}}
    assert "a protected stack is never taken down" in refusal(config)


def test_a_protected_stack_leaves_a_snapshot_when_it_is_taken_down_after_all() -> None:
    config = changed("protected", True) | {"database": {"backup_days": 7}, "schedule": None}
    assert "protected: database.final_snapshot must be true" in refusal(config)


def test_in_a_protected_stack_nobody_looks_without_signing_in() -> None:
    config = changed("protected", True) | {"database": {"backup_days": 7, "final_snapshot": True}, "schedule": None}
    assert config["ingress"]["anonymous"] == "viewer"
    assert "protected: ingress.anonymous must be left out" in refusal(config)


def open_to_all(protected: bool) -> dict[str, Any]:
    """Prod's configuration, with everybody let in."""
    config: dict[str, Any] = copy.deepcopy(read_stack_file("prod", "environment"))
    return config | {"protected": protected, "ingress": {"domain": "sensors.example.com", "zone_id": "Z1"}}


def test_a_protected_stack_that_everybody_may_read_is_told_the_yaml_to_write() -> None:
    message = refusal(open_to_all(protected=True), stack="prod")
    assert "protected: ingress lets everybody on the internet read" in message
    assert "Traceback" not in message
    proposals = [part.partition("\nor the networks")[0] for part in message.split(":\nconfig:")[1:]]
    assert len(proposals) == 2
    for proposal in proposals:
        ingress = yaml.safe_load("config:" + proposal)["config"]["sensor-analytics:environment"]["ingress"]
        assert ingress["domain"] == "sensors.example.com"
        config = load(EnvironmentConfig, "prod", "environment", open_to_all(protected=True) | {"ingress": ingress})
        assert not config.ingress.is_open


def test_a_stack_that_is_not_protected_may_be_open_and_says_so_loudly() -> None:
    config = load(EnvironmentConfig, "try", "environment", open_to_all(protected=False))
    assert "NOBODY CAN LOOK" in "".join(config.ingress.warnings)
    looking = open_to_all(protected=False)
    looking["ingress"]["anonymous"] = "viewer"
    config = load(EnvironmentConfig, "try", "environment", looking)
    (warning,) = config.ingress.warnings
    assert "EVERYBODY" in warning


def test_prod_is_closed_and_dev_says_that_it_has_no_tls() -> None:
    prod = load(EnvironmentConfig, "prod", "environment", read_stack_file("prod", "environment"))
    assert not prod.ingress.is_open
    assert list(prod.ingress.warnings) == []
    dev = load(EnvironmentConfig, "dev", "environment", read_stack_file("dev", "environment"))
    (warning,) = dev.ingress.warnings
    assert "NO TLS" in warning


def test_an_unknown_key_is_told_which_there_are() -> None:
    assert "environment.network.natPerZone: there is no such key; there are cidr, nat_per_zone" in refusal(
        changed("network.natPerZone", True)
    )


def test_a_missing_key_is_told_the_yaml_to_write() -> None:
    message = refusal(changed("network.cidr", ...))
    assert "environment.network.cidr: is missing. Write:\n" in message
    yaml_to_write = message.partition("Write:\n")[2]
    assert yaml.safe_load(yaml_to_write) == {
        "config": {"sensor-analytics:environment": {"network": {"cidr": "10.20.0.0/16"}}}
    }


def test_an_image_without_a_digest_is_told_what_one_looks_like() -> None:
    message = refusal(changed("images.api", "repository/api:1.2.3"))
    assert "environment.images.api: must match " in message
    assert "got 'repository/api:1.2.3'" in message
    assert "sensor-analytics/gateway" not in message
    assert "@sha256:<64 hexadecimal digits>" in message


@pytest.mark.parametrize(("given", "found"), [(None, ""), ("", ""), ("dev", ", but 'dev'"), ([1], r", but \[1\]")])
def test_a_stack_whose_one_key_is_empty_or_no_mapping_is_told_what_to_write(given: Any, found: str) -> None:
    with pytest.raises(
        StackConfigError, match=rf"Pulumi.new.yaml has no sensor-analytics:environment{found}. Write:\n"
    ):
        load(EnvironmentConfig, "new", "environment", given)


@pytest.mark.parametrize("key", ["aws:region", "sensor-analytics:region", "sensor-analytics:bootstrap", "environment"])
def test_a_key_that_nothing_reads_is_refused_with_the_one_that_is_read(key: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    file.write_text(text.replace("config:\n", f"config:\n  {key}: eu-west-1\n", 1))
    with pytest.raises(StackConfigError) as refused:
        load_environment("dev", tmp_path)
    assert f"{key}: nothing reads this. All that a stack says stands under sensor-analytics:environment" in str(
        refused.value
    )


def test_pulumis_own_keys_may_stand_beside_ours() -> None:
    check_keys("dev", "environment", ["sensor-analytics:environment", "pulumi:tags"])


@pytest.mark.parametrize("text", ["", "config:\n", "config:\n  sensor-analytics:environment:\n"])
def test_an_empty_file_is_told_the_yaml_to_write(text: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.new.yaml").write_text(text)
    with pytest.raises(StackConfigError, match=r"Pulumi.new.yaml has no sensor-analytics:environment. Write:\n"):
        load_environment("new", tmp_path)


def test_every_wrong_value_is_told_at_once() -> None:
    config = changed("region", "Ireland") | {"account": "1"}
    assert {"environment.region", "environment.account"} <= set(
        re.findall(r"^(environment\.\w+)", refusal(config), re.MULTILINE)
    )


@settings(deadline=None)
@given(junk=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_stands_there_the_answer_is_a_configuration_error_or_a_configuration(junk: object) -> None:
    for path in ("network", "images", "services", "ingress.allowed_cidrs", "cluster.nodes", "schedule"):
        with suppress(StackConfigError):
            load(EnvironmentConfig, "dev", "environment", changed(path, junk))


def lists(model: type[BaseModel], key_path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every list of a section and of those below it."""
    for name, found in model.model_fields.items():
        if get_origin(found.annotation) is tuple:
            yield (*key_path, name), found
        for part in (found.annotation, *get_args(found.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from lists(part, (*key_path, name))


LISTS = [*lists(EnvironmentConfig), *lists(AccountConfig)]


@pytest.mark.parametrize(("key_path", "found"), LISTS, ids=[".".join(key_path) for key_path, _ in LISTS])
def test_no_list_of_the_configuration_takes_an_entry_twice(key_path: tuple[str, ...], found: FieldInfo) -> None:
    """EKS, EC2 and IAM refuse a second resource of the same kind some minutes into a deployment."""
    entry = found.examples[0][0] if found.examples else "dev"
    again = entry.swapcase() if get_args(found.annotation)[0] is str else entry
    declared: Any = Annotated[found.annotation, *found.metadata]
    checked = TypeAdapter[list[str]](declared)
    with pytest.raises(ValidationError, match="stands here twice"):
        checked.validate_python([entry, again])


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (
            "cluster.public_access_cidrs",
            ["198.51.100.7", "198.51.100.7/32"],
            "environment.cluster.public_access_cidrs: 198.51.100.7/32 stands here twice",
        ),
        (
            "ingress.allowed_cidrs",
            ["198.51.100.7/32", "198.51.100.0/24", "198.51.100.7"],
            "environment.ingress.allowed_cidrs: 198.51.100.7/32 stands here twice",
        ),
        (
            "cluster.administrators",
            [ADMINISTRATOR, ADMINISTRATOR],
            f"environment.cluster.administrators: {ADMINISTRATOR} stands here twice",
        ),
        (
            "cluster",
            {
                "administrators": [ADMINISTRATOR],
                "viewers": [ADMINISTRATOR.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("ROLE", "role")],
            },
            "both",
        ),
        ("schedule.days", ["monday", "friday", "monday"], "environment.schedule.days: monday stands here twice"),
    ],
)
def test_two_spellings_of_one_entry_are_one(path: str, value: Any, says: str) -> None:
    assert says in refusal(changed(path, value))


ARM_TYPES = (
    "t4g.medium",
    "m7g.large",
    "c7gn.xlarge",
    "im4gn.large",
    "is4gen.large",
    "a1.large",
    "x2gd.large",
    "r8gd.large",
)
X86_TYPES = (
    "t3.medium",
    "t3a.medium",
    "m7i-flex.large",
    "g4dn.xlarge",
    "g5.xlarge",
    "c7a.large",
    "i4i.large",
    "x2idn.large",
)


@pytest.mark.parametrize("instance_type", ARM_TYPES)
def test_machines_of_another_architecture_are_refused(instance_type: str) -> None:
    assert "x86" in refusal(changed("cluster.nodes", {"instance_type": instance_type}))


@pytest.mark.parametrize("instance_type", X86_TYPES)
def test_machines_that_the_images_run_on_are_taken(instance_type: str) -> None:
    load(EnvironmentConfig, "dev", "environment", changed("cluster.nodes", {"instance_type": instance_type}))
