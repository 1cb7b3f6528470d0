"""Unit tests of rules, run by the real promtool."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.observability.alerts import GROUPS
from apps.observability.rules import RuleGroup, rule_file
from apps.platform.promql import duration

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")


@dataclass
class Scenario:
    """What the rules see, a sample of each series every `interval`, and which alerts must have come of it when."""

    interval: timedelta = timedelta(seconds=15)
    series: list[dict[str, str]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)

    def feed(self, series: str, values: str) -> None:
        """Feed a series with values in promtool's notation."""
        self.series.append({"series": series, "values": values})

    def grow(self, series: str, *phases: tuple[int, int]) -> None:
        """Feed a counter that grows by `(step, times)`, phase after phase, from 0."""
        values, at = ["0"], 0
        for step, times in phases:
            values.append(f"{at + step}+{step}x{times - 1}")
            at += step * times
        self.feed(series, " ".join(values))

    def expect(self, firing: int, at: timedelta, **labels: str) -> None:
        """Expect so many firing alerts that have these labels."""
        self._check(f"count({_firing(labels)}) or vector(0)", at, firing)

    def expect_none(self, until: timedelta, **labels: str) -> None:
        """Expect that no alert with these labels fired at any time."""
        self._check(f"sum(count_over_time({_firing(labels)}[{duration(until)}])) or vector(0)", until, 0)

    def _check(self, query: str, at: timedelta, value: int) -> None:
        found = [{"labels": "{}", "value": value}]
        self.checks.append({"expr": query, "eval_time": duration(at), "exp_samples": found})

    def run(self, folder: Path, groups: Iterable[RuleGroup] = GROUPS) -> None:
        """Run promtool over the rules of `groups`. Raises AssertionError with what it says."""
        rules = rule_file(groups, "https://example.org")
        (folder / "rules.yml").write_text(yaml.safe_dump(rules))
        test = {
            "interval": duration(self.interval),
            "input_series": self.series,
            "promql_expr_test": self.checks,
        }
        file = {
            "rule_files": ["rules.yml"],
            "group_eval_order": [group["name"] for group in rules["groups"]],
            "evaluation_interval": duration(self.interval),
            "tests": [test],
        }
        (folder / "tests.yml").write_text(yaml.safe_dump(file))
        done = subprocess.run(["promtool", "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def _firing(labels: dict[str, str]) -> str:
    matches = "".join(f',{label}="{value}"' for label, value in labels.items())
    return f'ALERTS{{alertstate="firing"{matches}}}'
