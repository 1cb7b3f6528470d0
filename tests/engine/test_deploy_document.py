"""docs/deploy.md as a reader would paste it: the `pulumi` command line in a fresh clone, against an emulator of AWS.

Docker and the command line of AWS are played; the cluster is at hand. It needs Pulumi's Python language host, which
every installation of Pulumi brings and an engine built from source does not.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.catalog import CATALOG
from tests.support import aws_emulator, control_plane, engine
from tests.support.documents import DOCS, commands
from tests.support.engine import Rehearsal
from tests.support.stand_ins import charts

ROOT = Path(__file__).parents[2]
DOCUMENT = (DOCS / "deploy.md").read_text()
ACCOUNT = "111111111111"
DIGEST = "sha256:" + "b" * 64

LACKING = [
    *engine.missing(),
    *control_plane.missing(),
    *(name for name in ("bash", "git", "kubectl", "pulumi-resource-aws") if shutil.which(name) is None),
    *(
        f"{name}, the host of Python programs: the other rehearsals use the Automation API, which needs none"
        for name in ("pulumi-language-python",)
        if shutil.which(name) is None
    ),
]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

HERE = {
    "PULUMI_CONFIG_PASSPHRASE=...": "PULUMI_CONFIG_PASSPHRASE=only-once",
    # The plugins on PATH are used.
    "pulumi install": "pulumi install --no-plugins",
    # Nobody is there to say yes.
    "pulumi up": "pulumi up --yes --skip-preview",
}
"""What a person would type or answer -> what is run."""

PLAYED = {
    "aws": "echo token\n",
    "docker": f"""
case "$1 $2" in "image inspect") echo "[\\"${{5%:*}}@{DIGEST}\\"]" ;; "login "*) cat >/dev/null ;; esac
""",
}


@dataclass(frozen=True, slots=True)
class Shell:
    """The shell of a reader: variables that one block sets, the next one reads."""

    checkout: Path
    environment: Mapping[str, str]

    def paste(self, *blocks: str) -> str:
        """Paste blocks of the document, one after the other, and return what was printed."""
        variables = self.checkout.parent / "variables"
        typed = "\n".join(commands("deploy.md", name) for name in blocks)
        for written, here in HERE.items():
            typed = typed.replace(written, here)
        before = f". {variables}\n" if variables.exists() else ""
        after = f"\ndeclare -p stack backend provider PULUMI_CONFIG_PASSPHRASE >{variables} 2>/dev/null || :\n"
        return self.run(before + typed + after)

    def run(self, commands: str) -> str:
        """Run commands as a person would, and return what they printed."""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", commands],
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def state(self, stack: str) -> dict[str, Any]:
        """What the backend holds of a stack."""
        deployment: dict[str, Any] = json.loads(self.run(f"pulumi stack export --stack {stack}"))["deployment"]
        return deployment


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    checkout = tmp_path / "sensor-analytics"
    subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    mirror = charts.write(tmp_path / "charts")
    with aws_emulator.running(tmp_path / "aws", ACCOUNT) as aws, control_plane.running(tmp_path) as kubeconfig:
        rehearsal = Rehearsal(tmp_path / "rehearsal", kubeconfig, real_aws=True)
        for name, text in PLAYED.items():
            rehearsal.play(name, text)
        (shown,) = re.findall(r"<!-- smallest -->\n```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
        (checkout / "Pulumi.dev.yaml").write_text(f"{shown}    charts: {{mirror: {mirror}}}\n    emulator: {aws.url}\n")
        bootstrap = checkout / "Pulumi.bootstrap.yaml"
        region = "    region: eu-west-1\n"
        bootstrap.write_text(bootstrap.read_text().replace(region, f"{region}    emulator: {aws.url}\n"))
        python = checkout / ".cache" / "nox" / "bin"
        python.mkdir(parents=True)
        (python / "nox").write_text('#!/bin/sh\nshift 3\nexec .venv/bin/python -m delivery.images "$@"\n')
        (python / "nox").chmod(0o755)
        yield Shell(
            checkout,
            {
                **os.environ,
                **aws.environment(),
                # With an address instead of a name, buckets stand in the path.
                "AWS_ENDPOINT_URL": aws.url.replace("localhost", "127.0.0.1"),
                "AWS_EC2_METADATA_DISABLED": "true",
                "PATH": f"{rehearsal.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PULUMI_HOME": str(rehearsal.folder / "home"),
                "PULUMI_SKIP_UPDATE_CHECK": "1",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
                "EKS_STAND_IN_KUBECONFIG": str(kubeconfig),
            },
        )


def test_whoever_follows_the_document_arrives(shell: Shell) -> None:
    shell.paste("account")
    assert shell.state("bootstrap")["secrets_providers"]["type"] == "passphrase"
    shell.paste("move")
    state = shell.state("bootstrap")
    assert state["secrets_providers"]["type"] == "cloud"
    written = yaml.safe_load((shell.checkout / "Pulumi.bootstrap.yaml").read_text())
    assert written["secretsprovider"] == state["secrets_providers"]["state"]["url"]
    assert "00000000" not in written["secretsprovider"]

    shell.paste("images")
    images = yaml.safe_load((shell.checkout / "Pulumi.dev.yaml").read_text())["config"]["sensor-analytics:environment"][
        "images"
    ]
    assert {image: output.rpartition("@")[2] for image, output in images.items()} == dict.fromkeys(
        CATALOG.images, DIGEST
    )

    output = shell.paste("environment")
    assert "sensor-analytics@" in output, "the policy pack was not asked"
    assert "errored" not in output
    assert shell.state("dev")["secrets_providers"]["type"] == "cloud"
    assert shell.run("pulumi stack output url --stack dev").startswith("http://")

    file, bootstrap = shell.checkout / "Pulumi.staging.yaml", shell.checkout / "Pulumi.bootstrap.yaml"
    shutil.copy(shell.checkout / "Pulumi.dev.yaml", file)
    bootstrap.write_text(bootstrap.read_text().replace("environments: [dev]", "environments: [dev, staging]"))
    output = shell.paste("staging")
    assert "sensor-analytics-staging" in output
    assert "errored" not in output
