"""What proposes newer charts finds them where they are pinned."""

import json
import re
from pathlib import Path

import yaml

from components.cluster.controllers import AUTOSCALERS
from components.workload.istio import CONTROL_PLANE
from tests.support.stand_ins.charts import every_chart

ROOT = Path(__file__).parents[1]
SETTINGS = json.loads((ROOT / ".github" / "renovate.json").read_text())


def found() -> set[tuple[str, str, str]]:
    """Name, version and repository of each chart, as Renovate reads them."""
    (manager,) = SETTINGS["customManagers"]
    (pattern,), (text,) = manager["managerFilePatterns"], manager["matchStrings"]
    # What JavaScript calls a group by.
    matches = re.compile(text.replace("(?<", "(?P<"))
    paths = [
        path for path in ROOT.rglob("components/**/*.py") if re.search(pattern.strip("/"), str(path.relative_to(ROOT)))
    ]
    return {
        (match["depName"], match["currentValue"], match["registryUrl"])
        for path in paths
        for match in matches.finditer(path.read_text())
    }


def test_every_chart_is_proposed_but_the_autoscaler_which_comes_with_kubernetes() -> None:
    ours = {chart.name for chart in AUTOSCALERS.values()}
    pinned = {
        (chart.name, chart.version, chart.repository) for chart in every_chart().values() if chart.name not in ours
    }
    proposed = found()
    assert proposed <= pinned
    # Istio's others are of the version of its control plane.
    of_istio = (CONTROL_PLANE.version, CONTROL_PLANE.repository)
    assert {chart[1:] for chart in pinned - proposed} == {of_istio}
    assert (CONTROL_PLANE.name, *of_istio) in proposed


def test_what_must_be_of_one_version_is_proposed_together() -> None:
    together = {name for rule in SETTINGS["packageRules"] for name in rule["matchDepNames"]}
    assert together <= {name for name, _, _ in found()}


def test_whatever_is_pinned_elsewhere_is_proposed_too() -> None:
    proposed = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {update["package-ecosystem"] for update in proposed} == {"github-actions", "npm", "docker"}
