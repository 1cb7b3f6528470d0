"""Keys of values that a chart does not read: a word misspelt, or renamed by a new version."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from delivery.errors import ChartError

ISTIO_DEFAULTS = "_internal_defaults_do_not_set"
"""Under which Istio's charts keep what other charts have at the top."""

Keys = tuple[str, ...]
Objects = list[dict[str, Any]]


def unread(values: Mapping[str, Any], chart: Path, render: Callable[[Mapping[str, Any]], Objects]) -> Iterator[str]:
    """Yield each key that neither stands in the chart's defaults nor changes anything where it is left out."""
    known = defaults(chart)
    doubtful = [keys for keys in _leaves(values) if not _is_known(known, keys)]
    if doubtful:
        everything = _comparable(render(values))
        for keys in doubtful:
            # A chart that does not render without a key reads it.
            with suppress(ChartError):
                if _comparable(render(_without(values, keys))) == everything:
                    yield f"does not read {'.'.join(keys)}"


def defaults(chart: Path) -> dict[str, Any]:
    """Return a chart's values.yaml, with those of the charts inside it under their names."""
    merged: dict[str, Any] = {}
    for home in sorted(chart.glob("charts/*")):
        if (home / "values.yaml").exists():
            merged[home.name] = defaults(home)
    own: dict[str, Any] = yaml.load((chart / "values.yaml").read_text(), yaml.CSafeLoader) or {}
    return _merged(merged, own.get(ISTIO_DEFAULTS, own))


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in above.items():
        inside = below.get(key)
        both = isinstance(value, Mapping) and isinstance(inside, dict)
        below[key] = _merged(inside, value) if both and isinstance(inside, dict) else value
    return below


def _leaves(values: Mapping[str, Any], above: Keys = ()) -> Iterator[Keys]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key)


def _is_known(known: Any, keys: Keys) -> bool:
    for key in keys:
        if not isinstance(known, Mapping) or key not in known:
            return False
        known = known[key]
    return True


def _without(values: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    rest = copy.deepcopy(dict(values))
    inside = rest
    for key in keys[:-1]:
        inside = inside[key]
    del inside[keys[-1]]
    return rest


def _comparable(objects: Objects) -> str:
    """Return what was rendered without what a chart makes anew each time: certificates, passwords, their hashes."""
    return json.dumps(
        [_settled(manifest) for manifest in objects if manifest.get("kind") != "Secret" or _is_settings(manifest)]
    )


def _is_settings(secret: Mapping[str, Any]) -> bool:
    return all(
        name.endswith((".yaml", ".yml", ".json")) for name in secret.get("data", {}) | secret.get("stringData", {})
    )


def _settled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _settled(inside) for key, inside in value.items() if key != "caBundle" and "checksum" not in str(key)
        }
    return [_settled(inside) for inside in value] if isinstance(value, list) else value
