"""Log lines are JSON, name their service, and lead to their trace."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from apps.platform.settings import ProcessSettings, load
from apps.platform.telemetry import start_telemetry


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().err)
    return line


def test_a_line_outside_of_any_trace_names_its_service_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    start_telemetry("gateway", load(ProcessSettings, {}))()
    logging.getLogger("apps.gateway").info("hello", extra={"path": "/x"})
    line = logged(capsys)
    assert (line["service"], line["level"], line["message"], line["path"]) == ("gateway", "INFO", "hello", "/x")
    assert line["timestamp"]
    assert "trace_id" not in line


def test_a_line_inside_of_a_span_holds_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    start_telemetry("gateway", load(ProcessSettings, {}))()
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        logging.getLogger("apps.gateway").warning("hello")
    context = span.get_span_context()
    line = logged(capsys)
    assert (line["trace_id"], line["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")


def test_an_exception_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    start_telemetry("gateway", load(ProcessSettings, {}))()
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("apps.gateway").exception("failed")
    assert "two\nlines" in logged(capsys)["exc_info"]
