"""`python -m delivery.repository`: compares the repository's settings on GitHub with the declared, and mends them."""

import argparse
import os
import sys

from delivery.errors import RepositoryError
from delivery.repository.api import GitHub
from delivery.repository.declared import environments
from delivery.repository.plan import all_changes, visible_changes
from stacks.errors import StackConfigError
from stacks.github import repository

DIFFERENT, NOT_USABLE = 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return 1 when settings differ and were not changed, 2 when nothing can be said."""
    chosen = _parser().parse_args(arguments)
    try:
        github = _github()
        declared = environments(getattr(chosen, "stack", None))
        changes = list((visible_changes if chosen.command == "check" else all_changes)(github, declared))
        for change in changes:
            print(change.text, flush=True)
            if chosen.command == "apply":
                change.make()
    except (RepositoryError, StackConfigError) as error:
        print(f"repository: {error}", file=sys.stderr)
        return NOT_USABLE
    if chosen.command == "apply":
        print(f"{len(changes)} settings of {github.repository} changed")
        return 0
    if changes:
        print("An administrator changes this: nox -s repository -- apply", file=sys.stderr)
        return DIFFERENT
    print(f"the settings of {github.repository} are as declared")
    return 0


def _github() -> GitHub:
    token = os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN")
    if not token:
        raise RepositoryError("no token: GH_TOKEN=$(gh auth token), of somebody who administers the repository")
    github = repository()
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    return GitHub(url, f"{github.owner}/{github.repository}", token)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m delivery.repository",
        description="The repository's own settings on GitHub: environments with their reviewers and refs, rulesets, "
        "what workflows may do. Everything follows from the stacks' files. GH_TOKEN holds a token.",
        epilog="exit code: 0, 1 when settings differ and were not changed, 2 when they cannot be read or changed",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("plan", "say what differs"),
        ("apply", "change what differs"),
        ("check", "say what differs in what a workflow can see of a stack's deployment"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        if name == "check":
            command.add_argument("stack", metavar="STACK", help="dev or prod")
    return parser


if __name__ == "__main__":
    sys.exit(main())
