"""Another environment is a copy of one file, and its name in the list of its account's."""

import inspect
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from delivery.charts import __main__ as charts
from delivery.cost import __main__ as cost
from delivery.recording import Graph, build
from delivery.target import DeployTarget
from stacks import account, environment
from stacks.config import PROJECT, ROOT, environments, load_account, load_environment
from stacks.errors import StackConfigError
from tests.stacks.stacks_under_test import environment_graph, with_every_image

NAMED = "    environments: [dev]\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The stacks' files, and one that was copied."""
    for path in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    shutil.copy(tmp_path / "Pulumi.dev.yaml", tmp_path / "Pulumi.staging.yaml")
    return tmp_path


@pytest.fixture
def named(checkout: Path) -> Path:
    """A checkout whose account knows the new environment too."""
    bootstrap = checkout / "Pulumi.bootstrap.yaml"
    assert NAMED in bootstrap.read_text()
    bootstrap.write_text(bootstrap.read_text().replace(NAMED, NAMED.replace("dev", "dev, staging")))
    return checkout


@pytest.fixture
def staging(named: Path) -> Graph:
    config = with_every_image(load_environment("staging", named))
    return build(lambda: environment.deploy(config, "staging"), stack="staging")


def kinds(graph: Graph) -> list[tuple[str, str]]:
    return sorted((resource.type, resource.name) for resource in graph.resources)


def says(graph: Graph, name: str) -> set[tuple[str, str]]:
    """Which resources have a name in their inputs; devices under /dev/ are no environment."""
    word = re.compile(rf"(?<!/)\b{name}\b")
    return {(resource.type, resource.name) for resource in graph.resources if word.search(str(resource.inputs))}


def test_it_is_made_of_the_same_resources_under_its_own_name(staging: Graph) -> None:
    dev = environment_graph("dev")
    assert kinds(staging) == kinds(dev)
    assert says(dev, "dev"), "dev says its name nowhere: this test finds nothing"
    assert says(staging, "dev") == set()
    assert says(staging, "staging") == says(dev, "dev")


def test_its_account_makes_the_role_that_deploys_it(named: Path) -> None:
    config = load_account("bootstrap", named)
    graph = build(lambda: account.deploy(config, "bootstrap"), stack="bootstrap")
    target = DeployTarget.of(load_environment("staging", named), "staging")
    role = graph.one("aws:iam/role:Role", "deploy-staging")
    assert target.deploy_role == f"arn:aws:iam::{config.account}:role{role.inputs['path']}{role.inputs['name']}"


def test_commands_for_every_environment_find_it(named: Path) -> None:
    assert set(environments(named)) == {*environments(), "staging"}


@pytest.mark.parametrize("command", [cost, charts], ids=["cost", "charts"])
def test_no_command_names_environments_of_its_own(command: ModuleType) -> None:
    assert not {"dev", "prod"} & {*re.findall(r'"(\w+)"', inspect.getsource(command))}


def test_an_account_that_does_not_name_it_is_told_with_the_yaml_to_write(checkout: Path) -> None:
    with pytest.raises(StackConfigError) as refused:
        load_environment("staging", checkout)
    message = str(refused.value)
    assert message.startswith(
        "Pulumi.bootstrap.yaml does not name staging among the environments of account 111111111111"
    )
    assert message.endswith("deploy it first: pulumi up --stack bootstrap")
    written = yaml.safe_load(message.partition("Write:\n")[2].rpartition("and deploy")[0])
    assert written == {"config": {f"{PROJECT}:bootstrap": {"environments": ["dev", "staging"]}}}


def test_an_environment_of_an_account_that_nothing_makes_is_told(named: Path) -> None:
    file = named / "Pulumi.staging.yaml"
    file.write_text(file.read_text().replace('account: "111111111111"', 'account: "333333333333"'))
    with pytest.raises(
        StackConfigError, match=r"account 333333333333 in eu-west-1, which no stack of an account makes"
    ):
        load_environment("staging", named)
