"""The real Pulumi engine with a stack of ours, its state in a folder, and programs for what is not at hand."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import psutil
import pulumi.automation as auto
import pytest
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from stacks import __main__ as program
from stacks.config import PROJECT
from tests.support import control_plane, policy_pack
from tests.support.documents import commands

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 600

LAUNCHER = """PYTHONPATH={root} exec {python} -u -m tests.support.stand_ins.{module} "$@"
"""


def missing() -> list[str]:
    """Programs without which no engine runs here."""
    return [name for name in ("pulumi", "pulumi-resource-kubernetes") if shutil.which(name) is None]


def missing_with_cluster() -> list[str]:
    """Programs without which no stack can live here, AWS played."""
    return [*missing(), *control_plane.missing(), *([] if shutil.which("kubectl") else ["kubectl"])]


def missing_with_aws() -> list[str]:
    """Programs without which no stack can live on the real provider of AWS here."""
    return [*missing_with_cluster(), *([] if shutil.which("pulumi-resource-aws") else ["pulumi-resource-aws"])]


@dataclass(slots=True)
class Rehearsal:
    """A place in which a stack lives: engine, state, plugins, and what was said."""

    folder: Path
    kubeconfig: Path
    real_aws: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("home", "state", "bin", "aws", "work"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for module in ("eks", *([] if self.real_aws else ["aws"])):
            self.play(f"pulumi-resource-{module}", LAUNCHER.format(root=ROOT, python=sys.executable, module=module))
        policy_pack.launcher(self.folder / "bin")

    @property
    def aws_left(self) -> list[str]:
        """What the stand-in of AWS holds."""
        return sorted(path.stem for path in (self.folder / "aws").iterdir())

    def unprotect(self, stack: auto.Stack) -> None:
        """Lift the protection of what the state says is protected, as a person would before the end of an account."""
        environment = os.environ | stack.workspace.env_vars
        command = ["pulumi", "state", "unprotect", "--all", "--yes", "--stack", stack.name]
        subprocess.run(command, cwd=stack.workspace.work_dir, env=environment, check=True, capture_output=True)

    def play(self, name: str, script: str = "") -> None:
        """Have a program on PATH that does no more than this shell script."""
        program = self.folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)

    def resume(self, stack: auto.Stack, **options: Any) -> auto.UpResult:
        """Type what docs/operations.md says after a deployment was killed, and deploy the stack."""
        self.play("aws")
        self.play("python", f'PYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
        return self.paste(stack, commands("operations.md", "killed"), **options)

    def paste(self, stack: auto.Stack, typed: str, **options: Any) -> auto.UpResult:
        """Paste commands of a document that end with a deployment, and deploy the stack."""
        before, deploy, nothing = typed.rpartition("pulumi up --refresh\n")
        assert (bool(deploy), nothing) == (True, ""), "the commands end with a deployment"
        self.type(stack, before)
        return stack.up(refresh=True, **options)

    def type(self, stack: auto.Stack, typed: str) -> str:
        """Type commands where `pulumi` finds the stack and `kubectl` its cluster; return what they print."""
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", typed],
            cwd=stack.workspace.work_dir,
            env={
                **os.environ,
                **stack.workspace.env_vars,
                "KUBECONFIG": str(self.kubeconfig),
                "PULUMI_STACK": stack.name,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def stack(
        self, name: str, key: str, config: Mapping[str, Any], declare: Callable[[], None] = program.main
    ) -> auto.Stack:
        """Return a stack with this configuration, made when it is not there. `declare`: another program than ours."""
        options = auto.LocalWorkspaceOptions(
            work_dir=str(self.folder / "work"),
            pulumi_home=str(self.folder / "home"),
            project_settings=auto.ProjectSettings(
                name=PROJECT,
                runtime="python",
                main=str(ROOT),
                # Beside each file lies one with its attributes, which whoever is killed leaves half written.
                backend=auto.ProjectBackend(url=f"file://{self.folder / 'state'}?metadata=skip"),
            ),
            stack_settings={name: auto.StackSettings(config={f"{PROJECT}:{key}": dict(config)})},
            env_vars={
                "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
                "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
                "PULUMI_SKIP_UPDATE_CHECK": "1",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_STAND_IN": str(self.folder / "aws"),
                "AWS_STAND_IN_CALLER": f"arn:aws:sts::{config['account']}:assumed-role/deploy-{name}/rehearsal",
                "EKS_STAND_IN_KUBECONFIG": str(self.kubeconfig),
                **self.environment,
            },
        )
        return auto.create_or_select_stack(name, project_name=PROJECT, program=declare, opts=options)


def preview_as_json(stack: auto.Stack, declare: Callable[[], None]) -> str:
    """Return what `pulumi preview --json` says of a program on the command line."""
    server = grpc.server(ThreadPoolExecutor())
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(declare), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        return subprocess.run(
            ["pulumi", "preview", "--json", "--non-interactive", "--stack", stack.name, f"--client=127.0.0.1:{port}"],
            cwd=stack.workspace.work_dir,
            env={**os.environ, **stack.workspace.env_vars},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    finally:
        server.stop(None).wait()


def changes(result: auto.UpResult) -> dict[str, int]:
    """Return how many resources a deployment made, changed and took away."""
    return {kind: count for kind, count in (result.summary.resource_changes or {}).items() if kind != "same"}


def interrupt(stack: auto.Stack, at: str, **options: Any) -> None:
    """Deploy a stack, and stop the engine when it begins with the first resource of the type `at`."""
    half = threading.Event()

    def stop(event: auto.EngineEvent) -> None:
        begun = event.resource_pre_event
        if begun and begun.metadata.type == at and not half.is_set():
            half.set()
            for running in engines():
                running.send_signal(signal.SIGINT)

    with pytest.raises(auto.CommandError) as ended:
        stack.up(on_event=stop, **options)
    assert half.is_set(), f"no {at} was made: {ended.value}"


def kill(stack: auto.Stack, once: Callable[[], bool], **options: Any) -> None:
    """Deploy a stack, and end engine and providers as soon as `once` is true, as if their machine had died."""
    over, killed = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.is_set() and not once():
            pass
        for running in engines():
            killed.set()
            for dying in (running, *running.children(recursive=True)):
                dying.kill()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with pytest.raises(auto.CommandError):
            stack.up(**options)
    finally:
        over.set()
        watching.join()
    assert killed.is_set(), "the deployment ended before"


def destroy(stack: auto.Stack) -> None:
    """Take a stack down. What cannot go within `TIMEOUT_SECONDS` fails the rehearsal, and its output says what it is.

    The provider of AWS tries for 20 minutes, and does not stop when it is asked to.
    """

    def end() -> None:
        for running in engines():
            running.kill()

    watch = threading.Timer(TIMEOUT_SECONDS, end)
    watch.start()
    try:
        stack.destroy()
    finally:
        watch.cancel()


def engines() -> list[psutil.Process]:
    """Return the engines that run for this process."""
    return [running for running in psutil.Process().children(recursive=True) if running.name() == "pulumi"]


def assert_it_refuses_to_go(stack: auto.Stack) -> None:
    """See that a destroy of a protected stack takes nothing away."""
    before = resources(stack)
    with pytest.raises(auto.CommandError, match="because it is protected"):
        stack.destroy()
    gone = sorted(before - resources(stack))
    assert gone == [], gone


def resources(stack: auto.Stack) -> set[str]:
    """Return what the state of a stack holds besides providers, which are nothing outside of it."""
    deployment = stack.export_stack().deployment or {}
    urns = {str(resource["urn"]) for resource in deployment["resources"]}
    return {urn for urn in urns if "::pulumi:providers:" not in urn}


def with_other_image(config: Mapping[str, Any], image: str) -> dict[str, Any]:
    """Return a stack's configuration with another digest of one image."""
    images: dict[str, str] = {**config["images"]}
    images[image] = images[image].partition("@")[0] + "@sha256:" + "b" * 64
    return {**config, "images": images}
