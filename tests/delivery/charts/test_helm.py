"""Charts come from a repository, as Helm fetches them."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from delivery.charts.helm import Helm, Installed
from delivery.errors import ChartsUnavailableError
from tests.support.stand_ins.charts import write

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not on PATH")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Repository:
    """A chart repository on this machine."""

    url: str
    folder: Path
    server: ThreadingHTTPServer

    def publish(self, chart: Path, version: str) -> None:
        self._helm("package", str(chart), "--version", version, "--destination", str(self.folder))
        self._helm("repo", "index", str(self.folder), "--url", self.url)

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _helm(self, *arguments: str) -> None:
        subprocess.run(["helm", *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"HELM_{name}_HOME", str(tmp_path / "helm" / name.lower()))
    folder = tmp_path / "repository"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    created = Repository(f"http://127.0.0.1:{server.server_port}", folder, server)
    try:
        yield created
    finally:
        created.end()


@pytest.fixture
def loki(tmp_path: Path) -> Path:
    return write(tmp_path / "charts") / "loki"


def wanted(repository: Repository, version: str) -> Installed:
    return Installed(
        release="loki", namespace="monitoring", chart="loki", version=version, repository=repository.url, values={}
    )


def test_the_pinned_version_is_fetched_once_and_rendered(repository: Repository, loki: Path, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.2.0", "1.10.0"):
        repository.publish(loki, version)
    helm, pinned = Helm(tmp_path / "cache"), wanted(repository, "1.2.0")
    assert "version: 1.2.0" in (helm.folder(pinned) / "Chart.yaml").read_text()
    newest = helm.newest(pinned)
    assert newest is not None
    assert newest.version == "1.10.0"
    repository.end()
    objects = helm.render(pinned, "1.35", [])
    assert {"Deployment", "ServiceAccount"} <= {found["kind"] for found in objects}
    assert objects[-1]["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/loki:1.2.0"


def test_a_version_that_is_not_there_is_said_and_leaves_nothing(
    repository: Repository, loki: Path, tmp_path: Path
) -> None:
    repository.publish(loki, "1.0.0")
    helm = Helm(tmp_path / "cache")
    with pytest.raises(ChartsUnavailableError, match=r"^loki 9\.9\.9: .*9\.9\.9"):
        helm.folder(wanted(repository, "9.9.9"))
    assert not list((tmp_path / "cache").glob("**/Chart.yaml"))
    assert helm.folder(wanted(repository, "1.0.0")).is_dir()


def test_a_chart_that_was_fetched_half_is_fetched_again(repository: Repository, loki: Path, tmp_path: Path) -> None:
    repository.publish(loki, "1.0.0")
    helm, pinned = Helm(tmp_path / "cache"), wanted(repository, "1.0.0")
    half = tmp_path / "cache" / "loki-1.0.0.part" / "loki"
    half.mkdir(parents=True)
    assert (helm.folder(pinned) / "values.yaml").exists()


def test_a_repository_that_does_not_answer_is_said(repository: Repository, tmp_path: Path) -> None:
    repository.end()
    helm, pinned = Helm(tmp_path / "cache"), wanted(repository, "1.0.0")
    with pytest.raises(ChartsUnavailableError, match=r"^loki 1\.0\.0: .*is not a valid chart repository"):
        helm.folder(pinned)
    assert helm.newest(pinned) is None
