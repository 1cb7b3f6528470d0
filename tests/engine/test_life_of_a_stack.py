"""Stacks live on a real engine: previewed, made, left alone, changed, interrupted, resumed and taken down.

The engine, its Kubernetes provider, the API server and its controllers are real; nothing of AWS is, except where its
provider and an emulator are at hand (`test_life_on_aws.py`).
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pulumi.automation as auto
import pytest

from delivery.plan import differences, steps
from stacks import __main__ as program
from stacks.config import ROOT, check_account, load_environment, read_stack_file
from stacks.environment import wanted
from tests.support import aws_emulator, control_plane, engine, policy_pack
from tests.support.engine import (
    Rehearsal,
    assert_it_refuses_to_go,
    changes,
    destroy,
    interrupt,
    kill,
    preview_as_json,
    with_other_image,
)

LACKING = engine.missing_with_cluster()

DEPLOYED = wanted(load_environment("dev"))
"""Dev keeps no archive, and forecasts nothing."""

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

PACKS = [str(policy_pack.PACK)]
CREDENTIAL = {"apiVersion": "client.authentication.k8s.io/v1"}

Kubectl = Callable[..., str]
"""Asks one cluster: arguments of kubectl -> what it prints."""


@pytest.fixture
def rehearsal(tmp_path: Path, kubeconfig: Path) -> Rehearsal:
    return Rehearsal(tmp_path / "rehearsal", kubeconfig)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Iterator[Rehearsal]:
    """A rehearsal in which dev was made, for the tests that only look at it."""
    folder = tmp_path_factory.mktemp("dev")
    with control_plane.running(folder) as access:
        rehearsal = Rehearsal(folder / "rehearsal", access)
        rehearsal.stack("dev", "environment", configured("dev", mirror)).up()
        yield rehearsal


@pytest.fixture
def dev(deployed: Rehearsal) -> Kubectl:
    """What asks the cluster in which dev was made."""
    return partial(kubectl, deployed.kubeconfig)


@pytest.fixture(scope="module")
def viewer(deployed: Rehearsal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Access to dev's cluster as somebody who may look at everything but secrets."""
    ask = partial(kubectl, deployed.kubeconfig)
    ask("create", "serviceaccount", "viewer", "-n", "default")
    ask("create", "clusterrolebinding", "viewer", "--clusterrole=view", "--serviceaccount=default:viewer")
    access = json.loads(deployed.kubeconfig.read_text())
    access["users"][0]["user"] = {"token": ask("create", "token", "viewer", "-n", "default").strip()}
    path = tmp_path_factory.mktemp("viewer") / "kubeconfig"
    path.write_text(json.dumps(access))
    return path


def configured(name: str, mirror: Path) -> dict[str, Any]:
    """A stack's own configuration with charts from the mirror."""
    return {**read_stack_file(name, "environment"), "charts": {"mirror": str(mirror)}}


def kubectl(kubeconfig: Path, *arguments: str, stdin: str | None = None, refused: bool = False) -> str:
    command = ["kubectl", "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == refused, done.stderr
    return done.stderr if refused else done.stdout


def names(ask: Kubectl, kind: str) -> set[str]:
    return set(ask("get", kind, "-n", "sensors", "-o", "jsonpath={.items[*].metadata.name}").split())


def test_the_cluster_holds_what_the_declarations_say(dev: Kubectl) -> None:
    assert names(dev, "deployments") == {server.name for server in DEPLOYED.servers}
    assert names(dev, "cronjobs") == {service.name for service in DEPLOYED.scheduled}
    assert names(dev, "servicemonitors") >= {server.name for server in DEPLOYED.servers if server.scraped}
    assert names(dev, "targetgroupbindings") == {server.name for server in DEPLOYED.servers if server.public}
    everyone = {declaration.name for declaration in DEPLOYED.declarations}
    assert names(dev, "serviceaccounts") >= everyone
    assert names(dev, "networkpolicies") >= everyone | {"default-deny"}


def test_every_release_job_succeeded_before_the_first_service_was_made(dev: Kubectl) -> None:
    jobs = json.loads(dev("get", "jobs", "-n", "sensors", "-o", "json"))["items"]
    deployments = json.loads(dev("get", "deployments", "-n", "sensors", "-o", "json"))["items"]
    services = {service.name for service in DEPLOYED.services}
    first = min(d["metadata"]["creationTimestamp"] for d in deployments if d["metadata"]["name"] in services)
    names = tuple(job.name for job in DEPLOYED.release_jobs)
    done = [job for job in jobs if job["metadata"]["name"].startswith(names)]
    assert len(done) == len(names)
    assert all(job["status"]["succeeded"] == 1 and job["status"]["completionTime"] <= first for job in done)


def test_no_service_account_may_ask_the_cluster_for_anything(dev: Kubectl) -> None:
    nobody = granted(dev, "system:serviceaccount:default:nobody-made-this")
    for declaration in DEPLOYED.declarations:
        assert granted(dev, f"system:serviceaccount:sensors:{declaration.name}") == nobody


def test_who_may_only_look_can_preview_what_a_change_would_do(deployed: Rehearsal, viewer: Path, mirror: Path) -> None:
    assert kubectl(viewer, "auth", "can-i", "get", "secrets", "-A", refused=True) == ""
    config = with_other_image(configured("dev", mirror), "api")
    config["monitoring"] = {**config["monitoring"], "metrics_gib": 30}
    looking = replace(deployed, kubeconfig=viewer)
    planned = changes_planned(looking.stack("dev", "environment", config))
    assert ("kubernetes:apps/v1:Deployment", "api") in planned
    assert ("kubernetes:helm.sh/v3:Release", "prometheus") in planned


def test_who_previews_and_who_deploys_are_told_the_same_steps(
    deployed: Rehearsal, viewer: Path, mirror: Path, tmp_path: Path
) -> None:
    """What somebody agreed to is compared with what the deployment would do, though other roles compute it (ADR 23)."""
    access = json.loads(deployed.kubeconfig.read_text())
    tokens = [json.loads(path.read_text())["users"][0]["user"]["token"] for path in (viewer, deployed.kubeconfig)]
    # As on AWS: one way in for both, and a program that says who they are.
    access["users"][0]["user"] = {"exec": {**CREDENTIAL, "command": "whoever-asks", "interactiveMode": "Never"}}
    kubeconfig = tmp_path / "as-on-aws"
    kubeconfig.write_text(json.dumps(access))
    credential = json.dumps({**CREDENTIAL, "kind": "ExecCredential", "status": {"token": "TOKEN"}})
    deployed.play("whoever-asks", f"""echo '{credential}' | sed "s/TOKEN/$TOKEN_OF_THE_CLUSTER/"\n""")
    config = with_other_image(configured("dev", mirror), "api")
    config["monitoring"] = {**config["monitoring"], "metrics_gib": 30}
    agreed, now = (
        steps(
            preview_as_json(
                replace(deployed, kubeconfig=kubeconfig, environment={"TOKEN_OF_THE_CLUSTER": token}).stack(
                    "dev", "environment", config
                ),
                program.main,
            )
        )
        for token in tokens
    )
    assert any("helm.sh/v3:Release" in step for step in agreed)
    assert list(differences(agreed, now)) == []


def changes_planned(stack: auto.Stack) -> set[tuple[str, str]]:
    planned: set[tuple[str, str]] = set()

    def note(event: auto.EngineEvent) -> None:
        step = event.resource_pre_event
        if step and step.metadata.op == auto.OpType.UPDATE:
            planned.add((step.metadata.type, step.metadata.urn.rpartition("::")[2]))

    stack.preview(on_event=note)
    return planned


def granted(ask: Kubectl, who: str) -> list[str]:
    return ask("auth", "can-i", "--list", "-n", "sensors", f"--as={who}").splitlines()


def test_the_api_server_refuses_a_pod_that_is_not_locked_down(dev: Kubectl) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "planted", "namespace": "sensors"},
        "spec": {"containers": [{"name": "root", "image": "example.com/root"}]},
    }
    output = dev("apply", "-f", "-", stdin=json.dumps(pod), refused=True)
    assert 'violates PodSecurity "restricted:latest"' in output


@pytest.mark.parametrize("kubeconfig", ["prod"], indirect=True)
def test_a_stack_lives_from_its_first_preview_to_nothing_left(
    rehearsal: Rehearsal, mirror: Path, kubeconfig: Path
) -> None:
    ask = partial(kubectl, kubeconfig)
    config = configured("prod", mirror)
    stack = rehearsal.stack("prod", "environment", config)
    planned = stack.preview(policy_packs=PACKS).change_summary
    assert set(planned) == {auto.OpType.CREATE}

    result = stack.up(policy_packs=PACKS)
    assert result.outputs["url"].value == "https://sensors.example.com"
    assert result.outputs["kubeconfig"].secret
    assert changes(stack.up()) == {}, "a second deployment must change nothing"

    other = with_other_image(config, "api")
    assert changes(rehearsal.stack("prod", "environment", other).up()) == {"update": 1}
    image = ask("get", "deployment", "api", "-n", "sensors", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image == other["images"]["api"]

    assert_it_refuses_to_go(stack)
    stack = rehearsal.stack("prod", "environment", {**config, "protected": False})
    stack.up()
    destroy(stack)
    assert rehearsal.aws_left == []
    assert not names(ask, "deployments,jobs,cronjobs,services,externalsecrets")
    assert "sensors" not in ask("get", "namespaces", "-o", "name")


def test_an_interrupted_deployment_is_resumed(
    rehearsal: Rehearsal, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one environment more, which is a copy of dev's file and a name in its account's."""
    named = ROOT.joinpath("Pulumi.bootstrap.yaml").read_text().replace("[dev]", "[dev, staging]")
    (tmp_path / "Pulumi.bootstrap.yaml").write_text(named)
    monkeypatch.setattr(program, "check_account", partial(check_account, folder=tmp_path))
    stack = rehearsal.stack("staging", "environment", configured("dev", mirror))
    interrupt(stack, "kubernetes:batch/v1:Job")
    half_made = len(rehearsal.aws_left)
    assert half_made > 0
    stack.up()
    assert len(rehearsal.aws_left) >= half_made
    assert changes(stack.up()) == {}
    destroy(stack)
    assert rehearsal.aws_left == []


@pytest.mark.slow
def test_a_deployment_whose_machine_died_goes_on(tmp_path: Path, mirror: Path, kubeconfig: Path) -> None:
    """In the middle of a chart. The stand-in of AWS keeps what it made; nothing of it is in the emulated AWS."""
    unfinished = ("get", "secrets", "--all-namespaces", "--selector=owner=helm,status=pending-install", "-o", "name")
    config = configured("dev", mirror)
    with aws_emulator.running(tmp_path / "ministack", config["account"]) as aws:
        rehearsal = Rehearsal(tmp_path / "rehearsal", kubeconfig, environment=aws.environment())
        stack = rehearsal.stack("dev", "environment", config)
        kill(stack, once=lambda: bool(kubectl(kubeconfig, *unfinished)))
        with pytest.raises(auto.CommandError, match="the stack is currently locked"):
            stack.up()
        rehearsal.resume(stack)
        assert kubectl(kubeconfig, *unfinished) == ""
        assert changes(stack.up()) == {}
        destroy(stack)


def test_the_account_wide_stack_lives_too_and_is_hard_to_lose(rehearsal: Rehearsal) -> None:
    stack = rehearsal.stack("bootstrap", "bootstrap", read_stack_file("bootstrap", "bootstrap"))
    result = stack.up()
    assert result.outputs["backendUrl"].value == "s3://sensor-analytics-state-111111111111-eu-west-1?region=eu-west-1"
    assert changes(stack.up()) == {}
    with pytest.raises(auto.CommandError, match="protect"):
        stack.destroy()


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("images", "api"), "repository/api:1.2", "environment.images.api: "),
        (("region",), "Ireland", "environment.region: "),
        (("network", "cidr"), "8.8.0.0/16", "environment.network.cidr: must be a private range"),
        (("network", "zones"), None, "environment.network.zones: "),
    ],
)
def test_a_wrong_configuration_is_one_clear_line_and_no_stack_trace(
    rehearsal: Rehearsal, path: tuple[str, ...], value: str | None, line: str
) -> None:
    config = json.loads(json.dumps(read_stack_file("dev", "environment")))
    section: dict[str, Any] = config
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    output: list[str] = []
    with pytest.raises(auto.CommandError):
        rehearsal.stack("dev", "environment", config).preview(on_output=output.append)
    assert any(line in text for text in output), output
    assert not any("Traceback" in text for text in output)
