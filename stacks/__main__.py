"""The Pulumi program: picks what the stack of this name consists of."""

import sys
from pathlib import Path

# Pulumi starts a program in its own folder; ours imports its neighbours.
sys.path.insert(0, str(Path(__file__).parents[1]))

import pulumi

from stacks import account as bootstrap
from stacks import environment
from stacks.config import BootstrapConfig, EnvironmentConfig, StackConfigError, is_account, load


def main() -> None:
    """Declare the stack that is selected."""
    stack, config = pulumi.get_stack(), pulumi.Config()
    try:
        if is_account(stack):
            bootstrap.deploy(load(BootstrapConfig, stack, "bootstrap", config.get_object("bootstrap")), stack)
        else:
            environment.deploy(load(EnvironmentConfig, stack, "environment", config.get_object("environment")), stack)
    except StackConfigError as error:
        raise pulumi.RunError(str(error)) from None


if __name__ == "__main__":
    main()
