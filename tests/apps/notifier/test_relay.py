"""What goes to a webhook is signed, and what it answers decides whether Alertmanager tries again."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.notifier.relay import Relay
from apps.notifier.signatures import KEY_PREFIX, parse_key, receiver_key, written
from apps.platform.http import application
from apps.platform.secrets import ReloadingSecret
from devtools.ports import free_port
from tests.support.serving import serving

KEY = b"k" * 40
BODY = json.dumps({"version": "4", "alerts": []}).encode()


class Webhook:
    """A program that somebody else runs."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def answer(self, request: Request) -> Response:
        self.received.append((dict(request.headers), await request.body()))
        return Response(status_code=self.status, headers={"location": "/elsewhere"})


async def _ready() -> None:
    return None


@pytest.fixture
def webhook() -> Iterator[tuple[Webhook, str]]:
    created = Webhook()
    app = application([Route("/{path:path}", created.answer, methods=["POST", "GET"])], _ready)
    with serving(app) as url:
        yield created, url


@pytest.fixture
def relay(webhook: tuple[Webhook, str], tmp_path: Path) -> Iterator[str]:
    key = tmp_path / "key"
    key.write_bytes(KEY + b"\n")
    webhooks = {"erp": f"{webhook[1]}/alerts", "gone": f"http://127.0.0.1:{free_port()}/"}
    client = httpx.AsyncClient(timeout=5)
    with serving(application(Relay(client, webhooks, ReloadingSecret(key, parse_key)).routes, _ready)) as url:
        yield url


def is_genuine(headers: dict[str, str], body: bytes, key: str) -> bool:
    """Check a message as the libraries of Standard Webhooks do."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    secret = base64.b64decode(key.removeprefix(KEY_PREFIX))
    wanted = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    age = abs(datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"]))
    return age < 300 and hmac.compare_digest(wanted, headers["webhook-signature"])


def test_a_message_arrives_as_it_was_with_a_signature_that_proves_it(relay: str, webhook: tuple[Webhook, str]) -> None:
    answer = httpx.post(f"{relay}/webhooks/erp", content=BODY)
    assert answer.status_code == 204
    ((headers, body),) = webhook[0].received
    assert body == BODY
    assert is_genuine(headers, body, written(receiver_key(KEY, "erp")))
    assert not is_genuine(headers, body + b" ", written(receiver_key(KEY, "erp")))
    assert not is_genuine(headers, body, written(receiver_key(KEY, "another")))


def test_a_message_that_is_sent_again_has_the_same_id(relay: str, webhook: tuple[Webhook, str]) -> None:
    for _ in range(2):
        httpx.post(f"{relay}/webhooks/erp", content=BODY)
    first, second = (headers["webhook-id"] for headers, _ in webhook[0].received)
    assert first == second


@pytest.mark.parametrize(("answered", "status"), [(503, 503), (429, 503), (400, 422), (302, 422)])
def test_alertmanager_tries_again_what_may_work_later_and_nothing_else(
    relay: str, webhook: tuple[Webhook, str], answered: int, status: int
) -> None:
    webhook[0].status = answered
    answer = httpx.post(f"{relay}/webhooks/erp", content=BODY)
    assert (answer.status_code, len(webhook[0].received)) == (status, 1)
    assert f"erp answered {answered}" in answer.json()["detail"]


def test_a_webhook_that_is_away_is_tried_again_and_an_unknown_one_is_named(relay: str) -> None:
    assert httpx.post(f"{relay}/webhooks/gone", content=BODY).status_code == 502
    answer = httpx.post(f"{relay}/webhooks/crm", content=BODY)
    assert (answer.status_code, answer.json()["detail"]) == (404, "no webhook is called 'crm'; there is erp, gone")


def test_whoever_checks_signatures_is_shown_the_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY)
    environment = {
        "DATABASE_HOST": "nowhere",
        "DATABASE_USER": "notifier",
        "AWS_REGION": "eu-west-1",
        "ALERTMANAGER_URL": "http://nowhere",
        "PUBLIC_URL": "http://nowhere",
        "WEBHOOK_KEY_FILE": str(key),
        "NOTIFICATIONS": '{"webhooks": {"erp": "https://erp.example.com/"}}',
    }

    def show(receiver: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "apps.notifier", "key", receiver]
        return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)

    assert show("erp").stdout.strip() == written(receiver_key(KEY, "erp"))
    unknown = show("crm")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no webhook is called 'crm'; there is erp" in unknown.stderr
