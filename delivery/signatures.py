"""What an image is made of, and who says so: a CycloneDX list and a signature, kept beside it in its registry.

Signed is with the identity of the workflow that made or released an image, which GitHub attests: there is no key that
could be lost. Only images that were signed so are deployed. `cosign` stores both as referrers, so no tag moves.
"""

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from components.account.config import GitHubConfig
from components.account.github_environments import MAIN

ISSUER = "https://token.actions.githubusercontent.com"
MADE, RELEASED = "images.yml", "prod.yml"
"""The workflows that sign: what was merged, and what a release copied."""

Run = Callable[..., str]
"""Starts a program: what it means when it fails, then the command."""


def sign(images: Mapping[str, str], run: Run) -> None:
    """Sign images (name -> reference by digest) as the workflow that runs, with a list of what each is made of."""
    with tempfile.TemporaryDirectory() as folder:
        for image, reference in images.items():
            parts = str(Path(folder) / f"{image}.json")
            run(
                f"{image} cannot be listed",
                *("trivy", "image", "--quiet", "--format", "cyclonedx", "--output", parts, reference),
            )
            run(f"{image} cannot be signed", "cosign", "sign", "--yes", reference)
            run(
                f"the list of {image} cannot be signed",
                *("cosign", "attest", "--yes", "--type", "cyclonedx", "--predicate", parts, reference),
            )


def verify(images: Mapping[str, str], signer: tuple[str, ...], run: Run) -> None:
    """See that images and their lists were signed by `signer`, which `made_by` or `released_by` returns."""
    who = ("--certificate-oidc-issuer", ISSUER, *signer)
    for image, reference in images.items():
        run(f"{image} was not signed by the workflow that makes it", "cosign", "verify", *who, reference)
        run(
            f"the list of what {image} is made of was not signed",
            *("cosign", "verify-attestation", "--type", "cyclonedx", *who, reference),
        )


def made_by(github: GitHubConfig) -> tuple[str, ...]:
    """Return cosign's options for what was made from the main branch."""
    return ("--certificate-identity", f"https://github.com/{github.workflow(MADE, MAIN)}")


def released_by(github: GitHubConfig) -> tuple[str, ...]:
    """Return cosign's options for what some release copied."""
    workflow = re.escape(f"https://github.com/{github.workflow(RELEASED, 'refs/tags/v')}")
    return ("--certificate-identity-regexp", rf"^{workflow}\d[0-9A-Za-z.-]*$")
