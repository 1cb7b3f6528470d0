"""What a deployment would do, compared with what somebody agreed to."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery import plan

API = "urn:pulumi:dev::sensor-analytics::components:workload:Workload$kubernetes:apps/v1:Deployment::api"


def preview(**inputs: Any) -> str:
    """What `pulumi preview --json` says of a stack in which the API changes and all else stays."""
    still = {"op": "same", "urn": API.replace("api", "gateway"), "newState": {"inputs": {"replicas": 2}}}
    changing = {"op": "update", "urn": API, "newState": {"inputs": inputs, "outputs": {"generation": 7}}}
    return json.dumps({"steps": [still, changing], "duration": 1234, "changeSummary": {"same": 1, "update": 1}})


def agreed(tmp_path: Path, capsys: pytest.CaptureFixture[str], **inputs: Any) -> Path:
    (tmp_path / "before.json").write_text(preview(**inputs))
    assert plan.main([str(tmp_path / "before.json")]) == 0
    path = tmp_path / "steps"
    path.write_text(capsys.readouterr().out)
    return path


def test_what_was_agreed_to_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = agreed(tmp_path, capsys, image="new")
    (tmp_path / "now.json").write_text(preview(image="new").replace('"generation": 7', '"generation": 8'))
    assert plan.main([str(tmp_path / "now.json"), "--agreed", str(path)]) == 0


def test_anything_else_is_told_and_stops_the_deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = agreed(tmp_path, capsys, image="new")
    (tmp_path / "now.json").write_text(preview(image="newer"))
    assert plan.main([str(tmp_path / "now.json"), "--agreed", str(path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "plan: not agreed to: update api (kubernetes:apps/v1:Deployment)",
        "plan: no longer to be done: update api (kubernetes:apps/v1:Deployment)",
    ]


def test_nothing_to_do_is_something_that_one_can_agree_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    idle = json.dumps({"steps": [], "changeSummary": {}})
    (tmp_path / "idle.json").write_text(idle)
    assert plan.main([str(tmp_path / "idle.json")]) == 0
    (tmp_path / "steps").write_text(capsys.readouterr().out)
    assert plan.main([str(tmp_path / "idle.json"), "--agreed", str(tmp_path / "steps")]) == 0
    (tmp_path / "now.json").write_text(preview(image="new"))
    assert plan.main([str(tmp_path / "now.json"), "--agreed", str(tmp_path / "steps")]) == 1


@pytest.mark.parametrize("text", ["", "error: no stack", "{}", '{"steps": []}', "[]"])
def test_a_preview_that_broke_off_is_nothing_to_agree_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "preview.json").write_text(text)
    assert plan.main([str(tmp_path / "preview.json")]) == 2
    assert "no preview that came to its end" in capsys.readouterr().err
