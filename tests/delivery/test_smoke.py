"""What the smoke test says of an environment that does not work; tests/local/test_stack.py has one that does."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from delivery.smoke import FAILED, NOT_USABLE, main
from devtools.ports import free_port
from tests.support.serving import serving

HEALTH = Route("/health", lambda _: Response())


@pytest.fixture
def key(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text("a-key-of-the-tests\n")
    return str(file)


def test_a_step_that_fails_is_named_with_what_was_found(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = Route("/", lambda _: Response("<html>"))
    refuses = Route("/api/devices", lambda _: JSONResponse({"detail": "the key is not valid"}, 401), methods=["POST"])
    with serving(Starlette(routes=[HEALTH, page, refuses])) as base:
        assert main(["--url", base, "--key-file", key]) == FAILED
    printed = capsys.readouterr()
    assert "s  the dashboard is served" in printed.out
    assert (
        'the API registers a device: 401 Unauthorized instead of 201: {"detail":"the key is not valid"}' in printed.err
    )
    assert "a-key-of-the-tests" not in printed.out + printed.err


def test_an_environment_that_does_not_answer_is_told(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", f"http://127.0.0.1:{free_port()}", "--key-file", key]) == FAILED
    assert "the dashboard is served: ConnectError" in capsys.readouterr().err


def test_what_cannot_be_tested_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--url", "http://127.0.0.1:1", "--key-file", str(tmp_path / "missing")]) == NOT_USABLE
    assert main(["no-such-stack"]) == NOT_USABLE
    with pytest.raises(SystemExit):
        main([])
    assert "give either a stack, or --url and --key-file" in capsys.readouterr().err
