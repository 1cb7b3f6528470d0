"""The Pulumi program: picks what the stack of this name consists of."""

import sys
from pathlib import Path
from typing import Any

# Pulumi starts a program in its own folder; ours imports its neighbours.
sys.path.insert(0, str(Path(__file__).parents[1]))

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

try:
    from stacks import account, environment
    from stacks.caller import caller, check_caller
    from stacks.config import AccountConfig, EnvironmentConfig, check_account, check_keys, is_account_stack, load
    from stacks.environment.foundation import admitted
    from stacks.errors import StackConfigError
    from stacks.providers import aws_provider
except ModuleNotFoundError as missing:
    raise SystemExit(f"{missing.name} is not installed in {sys.prefix}: `pulumi install` installs it") from missing


def main() -> None:
    """Declare the stack that is selected."""
    stack = pulumi.get_stack()
    try:
        if is_account_stack(stack):
            account.deploy(load(AccountConfig, stack, "bootstrap", _configured(stack, "bootstrap")), stack)
        else:
            config = load(EnvironmentConfig, stack, "environment", _configured(stack, "environment"))
            check_account(stack, config)
            provider = aws_provider(config, stack)
            if config.emulator is None:
                check_caller(admitted(config, stack), stack, caller(provider), preview=pulumi.runtime.is_dry_run())
            environment.deploy(config, stack, provider=provider, waits=not pulumi.runtime.is_dry_run())
    except StackConfigError as error:
        raise pulumi.RunError(str(error)) from None


def _configured(stack: str, key: str) -> Any:
    """Return what the stack's configuration says under its one key; None where it says nothing."""
    # Pulumi.Config gives single keys, and leaves those that nobody asks for unmentioned.
    check_keys(stack, key, {*get_config_env(), *CONFIG.get()})
    config = pulumi.Config()
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)


if __name__ == "__main__":
    main()
