"""Fetching and rendering charts with Helm."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from delivery.errors import ChartError, ChartsUnavailableError
from delivery.recording import Graph


class _Loader(yaml.CSafeLoader):
    """Takes a bare `=`, which an enumeration of the operator's holds, for text as Helm does."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A chart as a stack installs it."""

    release: str
    namespace: str
    chart: str
    version: str
    repository: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What a chart's Chart.yaml says."""

    version: str
    app_version: str
    deprecated: bool

    @classmethod
    def read(cls, text: str) -> "About":
        """Read a Chart.yaml, or an entry of a repository's index."""
        chart = yaml.safe_load(text)
        return cls(str(chart["version"]), str(chart.get("appVersion", "")), bool(chart.get("deprecated", False)))


def installed(graph: Graph) -> list[Installed]:
    """Return every chart that a recorded stack installs, in the order in which it declares them."""
    return [
        Installed(
            release=release.inputs["name"],
            namespace=release.inputs["namespace"],
            chart=release.inputs["chart"],
            version=release.inputs["version"],
            repository=release.inputs["repositoryOpts"]["repo"],
            values=release.inputs["values"],
        )
        for release in graph.of("kubernetes:helm.sh/v3:Release")
    ]


def _without_nulls(value: Any) -> Any:
    """Return what the API server reads: null is as good as absent."""
    if isinstance(value, dict):
        return {key: _without_nulls(inside) for key, inside in value.items() if inside is not None}
    return [_without_nulls(inside) for inside in value] if isinstance(value, list) else value


class Helm:
    """Helm, with charts from their repositories (kept in `cache`) or from a folder that holds each by its name.

    The folder's `index.yaml`, where there is one, is a repository's index: it says what is newest.
    """

    def __init__(self, cache: Path, mirror: Path | None = None) -> None:
        """Raises ChartsUnavailableError where there is no helm."""
        program = shutil.which("helm")
        if program is None:
            raise ChartsUnavailableError("helm is not on PATH: https://helm.sh/docs/intro/install")
        self._program, self._cache, self._mirror = program, cache, mirror
        index = mirror / "index.yaml" if mirror else None
        self._index = yaml.load(index.read_text(), yaml.CSafeLoader)["entries"] if index and index.exists() else {}

    def folder(self, wanted: Installed) -> Path:
        """Return where the chart lies, fetched if need be. Raises ChartsUnavailableError."""
        if self._mirror:
            if not (self._mirror / wanted.chart / "Chart.yaml").exists():
                raise ChartsUnavailableError(f"{self._mirror} holds no chart {wanted.chart}")
            return self._mirror / wanted.chart
        home = self._cache / f"{wanted.chart}-{wanted.version}"
        if not home.exists():
            source = (wanted.chart, "--repo", wanted.repository, "--version", wanted.version)
            # What is there under its name is there as a whole.
            part = home.with_name(f"{home.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            done = self._run("pull", *source, "--untar", "--untardir", str(part))
            if done.returncode:
                raise ChartsUnavailableError(f"{wanted.chart} {wanted.version}: {done.stderr.strip()}")
            part.rename(home)
        return home / wanted.chart

    def newest(self, wanted: Installed) -> About | None:
        """Return the newest version of a chart in its repository; None where that cannot be known."""
        if self._mirror:
            versions = self._index.get(wanted.chart, [])
            return About.read(yaml.safe_dump(versions[0])) if versions else None
        done = self._run("show", "chart", wanted.chart, "--repo", wanted.repository)
        return None if done.returncode else About.read(done.stdout)

    def render(
        self, wanted: Installed, kubernetes: str, apis: Sequence[str], values: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Return the objects that a chart makes of its stack's values, or of others. Raises ChartError.

        `apis`: what the cluster serves beside its own, as Helm writes it (`group/version/kind`).
        """
        done = self._run(
            *("template", wanted.release, str(self.folder(wanted)), "--namespace", wanted.namespace),
            *("--kube-version", f"{kubernetes}.0", "--include-crds", "--skip-tests", "--values", "-"),
            *(option for api in apis for option in ("--api-versions", api)),
            given=json.dumps(wanted.values if values is None else values),
        )
        if done.returncode:
            raise ChartError(f"{wanted.chart} {wanted.version} does not render: {done.stderr.strip()}")
        return [_without_nulls(manifest) for manifest in yaml.load_all(done.stdout, _Loader) if manifest]

    def _run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([self._program, *arguments], input=given, capture_output=True, text=True, check=False)
