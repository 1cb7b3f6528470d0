"""The pack stops a real engine before anything is made.

The Kubernetes provider writes files here, so that no cluster is needed.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi.automation as auto
import pulumi_kubernetes as kubernetes
import pytest

from tests.support import policy_pack

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not (shutil.which("pulumi") and shutil.which("pulumi-resource-kubernetes")),
        reason="needs pulumi and its Kubernetes provider on PATH: https://www.pulumi.com/docs/install/",
    ),
]

CLOSED = kubernetes.networking.v1.NetworkPolicySpecArgs(
    pod_selector=kubernetes.meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
)

Preview = Callable[[str], tuple[bool, str]]
"""Previews a program with a Pod Security level under the pack: whether it passed, and what the engine printed."""


@pytest.fixture
def preview(tmp_path: Path) -> Preview:
    for folder in ("home", "state", "bin"):
        (tmp_path / folder).mkdir()
    path = os.pathsep.join([str(policy_pack.launcher(tmp_path / "bin")), os.environ["PATH"]])
    settings = auto.ProjectSettings(
        name="sensor-analytics", runtime="python", backend=auto.ProjectBackend(url=f"file://{tmp_path}/state")
    )
    options = auto.LocalWorkspaceOptions(
        project_settings=settings,
        pulumi_home=str(tmp_path / "home"),
        env_vars={
            "PATH": path,
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        },
    )

    def run(pod_security: str) -> tuple[bool, str]:
        def program() -> None:
            provider = kubernetes.Provider("files", render_yaml_to_directory=str(tmp_path / "out"))
            within = pulumi.ResourceOptions(provider=provider)
            labels = {"pod-security.kubernetes.io/enforce": pod_security}
            namespace = kubernetes.core.v1.Namespace(
                "sensors", metadata={"name": "sensors", "labels": labels}, opts=within
            )
            # No preview knows the id of what is not there yet.
            kubernetes.core.v1.ConfigMap("later", data={"id": namespace.id}, opts=within)
            kubernetes.networking.v1.NetworkPolicy(
                "closed", metadata={"namespace": "sensors"}, spec=CLOSED, opts=within
            )

        stack = auto.create_or_select_stack("dev", project_name="sensor-analytics", program=program, opts=options)
        output: list[str] = []
        try:
            stack.preview(policy_packs=[str(policy_pack.PACK)], on_output=output.append)
        except auto.CommandError:
            return False, "\n".join(output)
        return True, "\n".join(output)

    return run


def test_a_sound_stack_passes(preview: Preview) -> None:
    passed, output = preview("restricted")
    assert passed, output
    assert "sensor-analytics@" in output
    assert (
        "no-secret-in-configuration is checked later, when values are known that only a deployment brings, of later"
        in output
    )


def test_a_stack_that_breaks_a_check_is_stopped_and_the_engine_says_which(preview: Preview) -> None:
    passed, output = preview("baseline")
    assert not passed
    assert "namespace-pod-security" in output
    assert "sensors enforces Pod Security baseline: it must be restricted" in output
