"""`python -m delivery.images`: builds, scans, pushes, signs, verifies and promotes the images of the platform.

An image is made once. What dev runs is what prod gets: promotion copies it by its digest into the registry of the other
account, and the stacks' files name digests only.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from apps.catalog import CATALOG
from components.account.image_repositories import kept_tag, registry
from delivery import signatures
from delivery.errors import ImageError, ScanError
from delivery.scan import scan_image
from stacks.config import PROJECT, ROOT, EnvironmentConfig, check_account, load, load_environment, read_stack_file
from stacks.errors import StackConfigError
from stacks.github import repository

FAILED, NOT_USABLE = 1, 2

VERSION = re.compile(r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")
"""Semantic versioning 2.0.0, without build metadata: the tag of an image cannot hold a plus."""

IMAGES_KEY = re.compile(r"^( +)images:$", re.MULTILINE)
"""Where a stack's file begins to name its images."""

ENVIRONMENT_KEY = re.compile(rf"^( +){PROJECT}:environment:$", re.MULTILINE)
"""Where it begins to say what the stack is: what names no image yet does so first."""

UNBUILT = f"unbuilt@sha256:{'0' * 64}"


def build(*, scan: bool) -> dict[str, str]:
    """Build every image and return its local name; `scan` refuses one with a vulnerability that is no exception."""
    if scan and shutil.which("trivy") is None:
        raise ImageError("trivy is not on PATH: https://trivy.dev, or build without --scan")
    built, sites = {}, {site.image for site in CATALOG.sites}
    for image in CATALOG.images:
        name = built[image] = f"{PROJECT}/{image}:built"
        target = ("--target", image) if image in sites else ("--target", "service", "--build-arg", f"SERVICE={image}")
        _run(f"{image} cannot be built", "docker", "build", *target, "--tag", name, ".")
        if scan:
            scan_image(name, datetime.now(UTC).date())
    return built


def push(stack: str, version: str, built: Mapping[str, str]) -> None:
    """Push images into the registry of a stack's account and write their digests into the stack's file."""
    config = _config_to_build(stack)
    keep(stack)
    pushed = {}
    for image, name in built.items():
        reference = f"{_repository(config, image)}:{version}"
        _run(f"{image} cannot be tagged", "docker", "tag", name, reference)
        _run(f"{image} cannot be pushed", "docker", "push", reference)
        pushed[image] = _digest(image, reference)
    pin(stack, pushed)


def copy(source: str, target: str, version: str) -> None:
    """Copy what one stack runs into the registry of another's account, byte for byte, and keep it there.

    What that registry holds already is taken from there: so an earlier release comes back although the first registry
    has let its images go.
    """
    to = load_environment(target, ROOT)
    for image, reference in load_environment(source, ROOT).images.items():
        repository, digest = _repository(to, image), reference.partition("@")[2]
        held = f"{repository}@{digest}"
        _tag(image, held if _held(held) else reference, f"{repository}:{version}")
        _keep(image, held)


def keep(stack: str) -> None:
    """Keep what a stack's file names: its registry lets other images go before."""
    named = {image: reference for image, reference in _config_to_build(stack).images.items() if reference != UNBUILT}
    for image, reference in named.items():
        if _held(reference):
            _keep(image, reference)
        else:
            print(f"{image} is not in the registry, so there is nothing to keep: {reference}")


def promote(source: str, target: str) -> None:
    """Write into the file of one stack the digests that another runs."""
    pin(
        target,
        {image: reference.partition("@")[2] for image, reference in load_environment(source, ROOT).images.items()},
    )


def sign(stack: str) -> None:
    """Sign what a stack's file names, as the workflow that runs."""
    signatures.sign(load_environment(stack, ROOT).images, _run)


def verify(stack: str) -> None:
    """See that our workflows signed what a stack's file names: of a release where it is protected, of main else."""
    config, github = load_environment(stack, ROOT), repository(ROOT)
    signer = signatures.released_by(github) if config.protected else signatures.made_by(github)
    signatures.verify(config.images, signer, _run)


def pin(stack: str, digests: Mapping[str, str]) -> None:
    """Write digests into a stack's file. Everything else stands there as before, comments too."""
    config, path = _config_to_build(stack), ROOT / f"Pulumi.{stack}.yaml"
    path.write_text(pinned(path.read_text(), {i: f"{_repository(config, i)}@{d}" for i, d in digests.items()}))
    load_environment(stack, ROOT)


def pinned(text: str, references: Mapping[str, str]) -> str:
    """Return the text of a stack's file with other images; one that was never built before gets a line of its own.

    Raises ImageError for a file of no environment, or that names an image twice.
    """
    if not IMAGES_KEY.search(text):
        text = ENVIRONMENT_KEY.sub(r"\g<0>\n\g<1>  images:", text)
    for image, reference in references.items():
        line = re.compile(rf"^(\s+{re.escape(image)}: )\S+@sha256:[0-9a-f]{{64}}$", re.MULTILINE)
        text, found = line.subn(rf"\g<1>{reference}", text)
        if found == 0:
            text, found = IMAGES_KEY.subn(rf"\g<0>\n\g<1>  {image}: {reference}", text)
        if found != 1:
            raise ImageError(f"the file names the image {image} {found} times: write one line `{image}: {reference}`")
    return text


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return 1 when an image cannot be made or moved, 2 for a stack that is no use."""
    chosen = _parser().parse_args(arguments)
    try:
        chosen.do(chosen)
    except (ImageError, ScanError) as error:
        print(f"images: {error}", file=sys.stderr)
        return FAILED
    except StackConfigError as error:
        print(f"images: {error}", file=sys.stderr)
        return NOT_USABLE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m delivery.images",
        description="Builds, scans, pushes, signs, verifies and promotes the images of the platform.",
        epilog="exit code: 0, 1 when an image cannot be made or moved, 2 when a stack's file cannot be used",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    building = command("build", "build every image with docker")
    building.add_argument(
        "--scan", action="store_true", help="scan each with trivy; HIGH and CRITICAL findings fail, but for exceptions"
    )
    building.add_argument("--push", metavar="STACK", help="push them, and write their digests into Pulumi.STACK.yaml")
    building.add_argument("--version", type=_version, help="tag to push them under, never used before")
    building.set_defaults(do=_build)
    for name, text, do in (
        ("sign", "sign what a stack's file names, with a list of what it is made of; in a workflow", sign),
        ("verify", "see that our workflows signed what a stack's file names", verify),
    ):
        of_stack = command(name, text)
        of_stack.add_argument("stack", metavar="STACK", help="dev or prod")
        of_stack.set_defaults(do=lambda chosen, do=do: do(chosen.stack))
    for name, text in (
        ("copy", "copy what a stack runs, by digest, into the registry of another stack's account"),
        ("promote", "write the digests that a stack runs into another stack's file"),
    ):
        moving = command(name, text)
        moving.add_argument("source", metavar="FROM", help="stack that has proven the images")
        moving.add_argument("target", metavar="TO", help="stack that gets them")
        if name == "copy":
            moving.add_argument("--version", type=_version, required=True, help="tag to push them under")
            moving.set_defaults(do=lambda chosen: copy(chosen.source, chosen.target, chosen.version))
        else:
            moving.set_defaults(do=lambda chosen: promote(chosen.source, chosen.target))
    keeping = command("keep", "mark what a stack's file names, so that its registry lets other images go before")
    keeping.add_argument("stack", metavar="STACK", help="dev or prod")
    keeping.set_defaults(do=lambda chosen: keep(chosen.stack))
    return parser


def _build(chosen: argparse.Namespace) -> None:
    if (chosen.push is None) != (chosen.version is None):
        raise ImageError("--push and --version belong together")
    if chosen.push:
        _config_to_build(chosen.push)
    built = build(scan=chosen.scan)
    if chosen.push:
        push(chosen.push, chosen.version, built)


def _config_to_build(stack: str) -> EnvironmentConfig:
    """Return what a stack's file says, with UNBUILT for each image that it does not name yet: that one comes now."""
    given = read_stack_file(stack, "environment", ROOT)
    if isinstance(given, Mapping) and isinstance(named := given.get("images") or {}, Mapping):
        given = {**given, "images": {**dict.fromkeys(CATALOG.images, UNBUILT), **named}}
    config = load(EnvironmentConfig, stack, "environment", given)
    check_account(stack, config, ROOT)
    return config


def _version(text: str) -> str:
    version = text.removeprefix("v")
    if not VERSION.match(version):
        raise argparse.ArgumentTypeError(f"{text!r} is no semantic version, like 1.4.0 or 1.4.0-main.57")
    return version


def _keep(image: str, reference: str) -> None:
    repository, _, digest = reference.partition("@")
    target = f"{repository}:{kept_tag(digest)}"
    # A registry refuses a tag that is there, even for the same image.
    if not _held(target):
        _tag(image, reference, target)


def _tag(image: str, reference: str, tagged: str) -> None:
    """Copy an image to where it shall be, with all its platforms and its digest."""
    references = (f"docker://{reference}", f"docker://{tagged}")
    _run(f"{image} cannot be copied", "skopeo", "copy", "--all", "--preserve-digests", *references)


def _held(reference: str) -> bool:
    """Whether a registry holds an image."""
    program = shutil.which("skopeo")
    if program is None:
        raise ImageError("skopeo is not on PATH: https://github.com/containers/skopeo")
    looked = (program, "inspect", "--raw", f"docker://{reference}")
    return subprocess.run(looked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _repository(config: EnvironmentConfig, image: str) -> str:
    return f"{registry(config.account, config.region)}/{PROJECT}/{image}"


def _digest(image: str, reference: str) -> str:
    answer = _run(
        f"{image} has no digest",
        "docker",
        "image",
        "inspect",
        "--format",
        "{{json .RepoDigests}}",
        reference,
        read=True,
    )
    names: list[str] = json.loads(answer)
    repository = reference.rpartition(":")[0]
    found = [name.partition("@")[2] for name in names if name.startswith(f"{repository}@")]
    if len(found) != 1:
        raise ImageError(f"{image} has {len(found)} digests in {repository}: docker says {answer!r}")
    return found[0]


def _run(failure: str, *command: str, read: bool = False) -> str:
    print(f"$ {' '.join(command)}", flush=True)
    program = shutil.which(command[0])
    if program is None:
        raise ImageError(f"{failure}: {command[0]} is not on PATH")
    ended = subprocess.run(
        [program, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE if read else None, text=True, check=False
    )
    if ended.returncode:
        raise ImageError(f"{failure}: {command[0]} ended with {ended.returncode}")
    return ended.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
