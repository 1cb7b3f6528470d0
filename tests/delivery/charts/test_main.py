"""`python -m delivery.charts` from its arguments to its exit code, with small charts in a folder."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml

from delivery.charts.__main__ import COULD_NOT_RUN, WRONG, main, variants
from delivery.charts.helm import installed
from delivery.recording import build
from stacks import environment
from tests.support.stand_ins import charts

needs_helm = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not on PATH")


def test_without_helm_it_says_that_it_could_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["dev"]) == COULD_NOT_RUN
    assert "could not run: helm is not on PATH" in capsys.readouterr().err


def test_every_chart_that_a_component_names_is_rendered_though_no_stack_switches_it_on() -> None:
    graphs = [build(partial(environment.deploy, config, "prod"), stack="prod") for _, config in variants("prod")]
    assert {wanted.chart for graph in graphs for wanted in installed(graph)} == set(charts.every_chart())


@needs_helm
def test_without_a_chart_it_says_which_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev", "--mirror", str(tmp_path)]) == COULD_NOT_RUN
    assert f"could not run: {tmp_path} holds no chart" in capsys.readouterr().err


@pytest.mark.slow
@needs_helm
def test_it_tells_versions_and_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = charts.write(tmp_path / "charts")
    newest = {"entries": {"loki": [{"version": "99.0.0", "deprecated": True}]}}
    (folder / "index.yaml").write_text(yaml.safe_dump(newest))
    assert main(["dev", "--mirror", str(folder)]) == WRONG
    output = capsys.readouterr().out
    assert "99.0.0" in output
    assert "deprecated" in output
    # The stand-ins read next to nothing and ask for nothing.
    assert "dev: loki: does not read singleBinary.resources.requests.cpu" in output
    assert "dev: loki: Deployment loki: program has no requests of CPU and memory" in output
