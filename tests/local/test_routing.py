"""Who is told of alerts on this machine, said by a file or by nobody."""

from dataclasses import replace
from pathlib import Path

import pytest

from apps.catalog import CATALOG
from apps.platform.errors import ConfigurationError
from local import plan
from local.routing import provide_secrets, routing


@pytest.fixture
def env(tmp_path: Path) -> plan.LocalEnvironment:
    return plan.LocalEnvironment(
        front_door="http://127.0.0.1:8080",
        ports=plan.ports(8080, CATALOG),
        stream="readings",
        secrets=tmp_path / "secrets",
        owner_password=tmp_path / "owner",
    )


def test_without_a_file_the_receiver_of_the_stack_stands_in_for_slack(env: plan.LocalEnvironment) -> None:
    assert routing(None) == env.notifications
    provide_secrets(env, own=True)
    assert (env.receivers / "slack").read_text() == f"{env.url('webhook')}/"


def test_a_file_says_what_a_stack_would_say_and_its_secrets_lie_in_files(
    env: plan.LocalEnvironment, tmp_path: Path
) -> None:
    file = tmp_path / "notifications.yaml"
    file.write_text("receivers:\n  erp: {type: webhook, url: 'http://127.0.0.1:9000/'}\n  on-call: {type: pagerduty}\n")
    environment = replace(env, notifications=routing(file))
    with pytest.raises(ConfigurationError, match=r"no secret of .*/secrets/receivers/on-call: write"):
        provide_secrets(environment, own=False)
    (env.receivers / "on-call").write_text("key")
    provide_secrets(environment, own=False)
    assert (env.receivers / "on-call").read_text() == "key"
    assert environment.notifications.webhooks == {"erp": "http://127.0.0.1:9000/"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("receivers: [", "expected the node content"),
        ("receivers: {erp: {type: fax}}", "receivers.erp: .*expected tags"),
        ("colour: red", "colour: Extra inputs"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_anything_starts(
    text: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "notifications.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        routing(file)
