"""`python -m delivery.pending`: the state of a stack whose deployment was killed, with what had been made after all.

The engine notes what it begins to make before AWS is asked, and what came of it afterwards. Whoever kills it in between
leaves what the next deployment would make a second time, or be refused because it exists.
"""

import argparse
import json
import sys
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from delivery.account import clients
from delivery.errors import AccountError
from delivery.pending.finders import find
from delivery.pending.state import mend
from stacks.config import ROOT, load_environment
from stacks.errors import StackConfigError
from stacks.providers import stack_tags

NOT_USABLE = 2


def main(arguments: list[str] | None = None) -> int:
    """Read a state, print the mended one, and say on stderr what was found; return 2 when it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.pending",
        description="Reads what `pulumi stack export` prints, looks in AWS for what a killed deployment was making, "
        "and prints the state with it, for `pulumi stack import`. It changes nothing itself.",
        epilog="exit code: 0 done, 2 when AWS, the state or the stack's file cannot be read",
    )
    parser.add_argument("stack", metavar="STACK", help="dev or prod")
    stack = parser.parse_args(arguments).stack
    try:
        state = json.load(sys.stdin)
        mended = mend(state, partial(find, clients(load_environment(stack, ROOT), stack), stack_tags(stack)))
    except (StackConfigError, AccountError, BotoCoreError, ClientError) as error:
        print(f"pending: {error}", file=sys.stderr)
        return NOT_USABLE
    except (ValueError, KeyError, TypeError) as error:
        print(f"pending: this is not what `pulumi stack export` prints: {error!r}", file=sys.stderr)
        return NOT_USABLE
    print("\n".join(mended.lines), file=sys.stderr)
    json.dump(mended.state, sys.stdout, indent=4)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
