"""The Pulumi program: picks what the stack of this name consists of."""

import sys
from pathlib import Path

# Pulumi starts a program in its own folder; ours imports its neighbours.
sys.path.insert(0, str(Path(__file__).parents[1]))

import pulumi

from stacks import account, environment
from stacks.config import AccountConfig, EnvironmentConfig, is_account_stack, load
from stacks.errors import StackConfigError


def main() -> None:
    """Declare the stack that is selected."""
    stack, config = pulumi.get_stack(), pulumi.Config()
    try:
        if is_account_stack(stack):
            account.deploy(load(AccountConfig, stack, "bootstrap", config.get_object("bootstrap")), stack)
        else:
            environment.deploy(load(EnvironmentConfig, stack, "environment", config.get_object("environment")), stack)
    except StackConfigError as error:
        raise pulumi.RunError(str(error)) from None


if __name__ == "__main__":
    main()
