"""What the workflows learn of a stack, and what they do to its images."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

import pytest
import yaml

from apps.catalog import CATALOG
from delivery import images
from delivery import target as delivery
from delivery.errors import ImageError
from delivery.images import pinned
from delivery.target import crons, runs_at
from stacks.config import ROOT, ScheduleConfig
from tests.stacks.stacks_under_test import account_graph

WORK = ScheduleConfig(days=["monday", "thursday"], start="08:00", stop="11:30")
OTHER = "sha256:" + "b" * 64

DOCKER = """#!/bin/sh
echo "$(basename "$0") $*" >>{log}
case "$1 $2" in "image inspect") echo "[\\"${{5%:*}}@{digest}\\"]" ;; esac
case "$(basename "$0") $1" in "trivy image") cat {report} ;; esac
case "$*" in *{fails}*) exit 1 ;; esac
"""


SKOPEO = """#!/bin/sh
echo "skopeo $*" >>{log}
held() {{ echo "{held}/$(echo "${{1#docker://}}" | tr /:@ ___)"; }}
case $1 in
inspect) test -e "$(held "$3")" ;;
copy)
    test -e "$(held "$4")" && ! test -e "$(held "$5")" || exit 1
    digest=$(cat "$(held "$4")")
    echo "$digest" >"$(held "$5")"
    echo "$digest" >"$(held "${{5%:*}}@$digest")"
    ;;
esac
"""
"""A registry whose tags never move: what it holds is a file each, with the digest in it."""


class Registries(Protocol):
    """Has registries hold images, and tells what they hold."""

    def hold(self, *references: str) -> None: ...

    def held(self) -> set[str]: ...


class Programs(Protocol):
    """Puts programs on PATH which note how they are called, and returns a function that tells it."""

    def __call__(self, *names: str, fails: str = "nothing", found: str = "{}") -> Callable[[], list[str]]: ...


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the stacks' files, where images are made."""
    for path in ROOT.glob("Pulumi.*.yaml"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(images, "ROOT", tmp_path)
    return tmp_path


@dataclass
class Folder:
    """Registries as a folder of files."""

    path: Path

    def hold(self, *references: str) -> None:
        for reference in references:
            (self.path / re.sub("[/:@]", "_", reference)).write_text(reference.rpartition("@")[2])

    def held(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registries:
    held, folder = tmp_path / "held", tmp_path / "bin"
    for directory in (held, folder):
        directory.mkdir(exist_ok=True)
    (folder / "skopeo").write_text(SKOPEO.format(log=tmp_path / "called", held=held))
    (folder / "skopeo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Folder(held)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    log = tmp_path / "called"

    def install(*names: str, fails: str = "nothing", found: str = "{}") -> Callable[[], list[str]]:
        (tmp_path / "report").write_text(found)
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name in names:
            (folder / name).write_text(DOCKER.format(log=log, digest=OTHER, fails=fails, report=tmp_path / "report"))
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return lambda: log.read_text().splitlines() if log.exists() else []

    return install


def images_of(checkout: Path, stack: str) -> dict[str, str]:
    config = yaml.safe_load((checkout / f"Pulumi.{stack}.yaml").read_text())["config"]
    images: dict[str, str] = config["sensor-analytics:environment"]["images"]
    return images


def facts(stack: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert delivery.main([stack]) == 0
    return dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(("account", "stack"), [("bootstrap", "dev"), ("bootstrap-prod", "prod")])
def test_the_roles_and_the_state_of_a_stack_are_those_that_its_account_makes(
    account: str, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    graph, stack_facts = account_graph(account), facts(stack, capsys)
    roles = {
        role.name: f"arn:aws:iam::{stack_facts['account']}:role{role.inputs['path']}{role.inputs['name']}"
        for role in graph.of("aws:iam/role:Role")
    }
    assert (roles["preview"], roles["images"]) == (stack_facts["preview_role"], stack_facts["images_role"])
    assert roles[f"deploy-{stack}"] == stack_facts["deploy_role"]
    bucket = graph.one("aws:s3/bucket:Bucket", "state").inputs["bucket"]
    assert stack_facts["backend"] == f"s3://{bucket}?region={stack_facts['region']}"


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_images_are_pulled_from_the_registry_that_they_are_pushed_to(
    stack: str, capsys: pytest.CaptureFixture[str], checkout: Path
) -> None:
    registry = facts(stack, capsys)["registry"]
    assert {reference.partition("/")[0] for reference in images_of(checkout, stack).values()} == {registry}


def test_a_stack_without_a_file_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert delivery.main(["staging"]) == 2
    assert "there is no Pulumi.staging.yaml; there are the stacks" in capsys.readouterr().err


def test_the_times_of_a_schedule_as_workflows_write_them() -> None:
    assert crons(WORK) == ("0 8 * * 1,4", "30 11 * * 1,4", "30 12 * * 1,4")


def test_the_second_ending_of_a_day_is_on_the_same_day() -> None:
    late = ScheduleConfig(days=["sunday"], start="20:00", stop="23:30")
    assert crons(late) == ("0 20 * * 0", "30 23 * * 0", "59 23 * * 0")


@pytest.mark.parametrize(
    ("moment", "up"),
    [
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 11, 29, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 11, 30, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 26, 13, 0, tzinfo=timezone(timedelta(hours=5))), True),
    ],
)
def test_a_stack_is_up_in_the_hours_of_its_schedule_in_utc(moment: datetime, up: bool) -> None:
    assert runs_at(WORK, moment) is up
    assert runs_at(None, moment)


def test_pinning_changes_the_digests_and_nothing_else(checkout: Path) -> None:
    before = (checkout / "Pulumi.dev.yaml").read_text()
    built = images_of(checkout, "dev")
    images.pin("dev", dict.fromkeys(built, OTHER))
    after = (checkout / "Pulumi.dev.yaml").read_text()
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == len(built)
    assert all(a.partition("@")[0] == b.partition("@")[0] and b.endswith(f"@{OTHER}") for a, b in changed)


def test_a_first_image_gets_a_line_of_its_own_and_nothing_else_changes(checkout: Path) -> None:
    before = (checkout / "Pulumi.dev.yaml").read_text()
    without = "".join(line for line in before.splitlines(keepends=True) if not line.startswith("      api: "))
    assert without != before
    (checkout / "Pulumi.dev.yaml").write_text(without)
    images.pin("dev", {"api": OTHER})
    after = (checkout / "Pulumi.dev.yaml").read_text().splitlines()
    (added,) = [line for line in after if line not in without.splitlines()]
    assert added.strip() == f"api: {images_of(checkout, 'dev')['api']}"
    assert [line for line in after if line != added] == without.splitlines()


def test_the_first_images_of_an_environment_are_written_into_a_file_that_names_none(
    checkout: Path, programs: Programs
) -> None:
    programs("docker")
    file = checkout / "Pulumi.dev.yaml"
    config = yaml.safe_load(file.read_text())
    del config["config"]["sensor-analytics:environment"]["images"]
    file.write_text(yaml.safe_dump(config))
    assert images.main(["build", "--push", "dev", "--version", "0.1.0-mine.1"]) == 0
    assert set(images_of(checkout, "dev")) == set(CATALOG.images)


def test_a_file_that_is_no_environments_is_said() -> None:
    with pytest.raises(ImageError, match="names the image api 0 times: write one line `api: here/api@sha256:"):
        pinned("config:\n", {"api": f"here/api@{OTHER}"})


def test_every_image_is_built_scanned_and_pushed_and_its_digest_written(
    checkout: Path, programs: Programs, registries: Registries
) -> None:
    called = programs("docker", "trivy")
    assert images.main(["build", "--scan", "--push", "dev", "--version", "0.1.0-main.57"]) == 0
    for image in CATALOG.images:
        steps = [line for line in called() if f"sensor-analytics/{image}:" in line and not line.startswith("skopeo")]
        assert [step.split()[:2] for step in steps] == [
            ["docker", "build"],
            ["trivy", "image"],
            ["docker", "tag"],
            ["docker", "push"],
            ["docker", "image"],
        ]
    assert {reference.rpartition("@")[2] for reference in images_of(checkout, "dev").values()} == {OTHER}


def test_nothing_is_pushed_when_one_image_has_vulnerabilities(
    checkout: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    called = programs("docker", "trivy", fails="sensor-analytics/storage:built")
    before = images_of(checkout, "dev")
    assert images.main(["build", "--scan", "--push", "dev", "--version", "0.1.0"]) == 1
    assert not [line for line in called() if line.startswith("docker push")]
    assert images_of(checkout, "dev") == before
    assert "storage cannot be built" in capsys.readouterr().err


def test_a_scan_without_a_scanner_is_refused_before_anything_is_built(
    checkout: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    called = programs("docker")
    assert images.main(["build", "--scan"]) == 1
    assert called() == []
    assert "trivy is not on PATH" in capsys.readouterr().err


UNFIXED = """{"Results": [{"Target": "api (debian 12)", "Vulnerabilities": [
    {"VulnerabilityID": "CVE-1", "PkgName": "perl", "InstalledVersion": "5.36", "Severity": "HIGH"},
    {"VulnerabilityID": "CVE-2", "PkgName": "zlib", "InstalledVersion": "1.2", "FixedVersion": "1.3", "Severity": "LOW"}
]}]}"""


def test_a_vulnerability_without_a_fix_is_told_with_the_exception_to_write(
    checkout: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs("docker", "trivy", found=UNFIXED)
    assert images.main(["build", "--scan"]) == 1
    output = capsys.readouterr().err
    assert "CVE-2 LOW in zlib 1.2: take 1.3" in output
    assert "CVE-1 HIGH in perl 5.36: no fix yet. Write into .trivyignore.yaml" in output
    assert "  - id: CVE-1\n    statement: perl ...\n    expired_at: " in output


def test_what_was_pushed_is_listed_and_signed_by_digest(checkout: Path, programs: Programs) -> None:
    called = programs("trivy", "cosign")
    assert images.main(["sign", "dev"]) == 0
    for reference in images_of(checkout, "dev").values():
        steps = [line.split() for line in called() if line.endswith(reference)]
        assert [step[:2] for step in steps] == [["trivy", "image"], ["cosign", "sign"], ["cosign", "attest"]]
        listed, _, attested = steps
        assert listed[listed.index("--format") + 1] == "cyclonedx"
        assert attested[attested.index("--predicate") + 1] == listed[listed.index("--output") + 1]


@pytest.mark.parametrize(
    ("stack", "signer"),
    [
        (
            "dev",
            "--certificate-identity https://github.com/example/sensor-analytics/.github/workflows/images.yml@refs/heads/main",
        ),
        (
            "prod",
            "--certificate-identity-regexp ^https://github\\.com/example/sensor\\-analytics/\\.github/workflows/prod\\.yml@refs/tags/v",
        ),
    ],
)
def test_only_what_our_workflows_signed_is_deployed(
    checkout: Path, programs: Programs, stack: str, signer: str
) -> None:
    called = programs("cosign")
    assert images.main(["verify", stack]) == 0
    for reference in images_of(checkout, stack).values():
        steps = [line for line in called() if line.endswith(reference)]
        assert [step.split()[1] for step in steps] == ["verify", "verify-attestation"]
        assert all(f"{signer}" in step and "--certificate-oidc-issuer https://token.actions" in step for step in steps)


def test_an_image_that_nobody_signed_stops_the_deployment(
    checkout: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    programs("cosign", fails="sensor-analytics/storage@")
    assert images.main(["verify", "dev"]) == 1
    assert "storage was not signed by the workflow that makes it" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["main", "1.4", "1.4.0+build", "1.4.0/x"])
def test_a_tag_that_is_no_semantic_version_is_refused(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        images.main(["copy", "dev", "prod", "--version", version])
    assert "is no semantic version" in capsys.readouterr().err
