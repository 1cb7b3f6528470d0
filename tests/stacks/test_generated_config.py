"""Whatever stands in a stack's file or in the environment: it is kept as it was written, or refused by its name."""

import copy
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from apps.catalog import CATALOG
from apps.platform.errors import ConfigurationError
from apps.platform.settings import Settings, as_text
from apps.platform.settings import load as load_settings
from stacks.config import EnvironmentConfig, load, read_stack_file
from stacks.errors import StackConfigError

DEV = read_stack_file("dev", "environment")
Path_ = tuple[str | int, ...]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-10, 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["1_000", "010", "1.10", "5", "true", "no", "12:30", "1e3", " 5", "eu-west-1", "10.0.0.0/16", "nan"]
    )
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=3)
WRITTEN = st.sampled_from(
    [
        "no",
        "on",
        "1_000",
        "010",
        "0o10",
        "0x10",
        "12:30",
        "1e3",
        ".5",
        "+5",
        "~",
        "5",
        "1.5",
        "true",
        "x",
        "'010'",
        "[1",
        "@",
    ]
)


def leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(inner, (*path, key))


PATHS = list(leaves(DEV))


def replaced(path: Path_, value: Any) -> dict[str, Any]:
    config: Any = copy.deepcopy(DEV)
    section = config
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    return config  # type: ignore[no-any-return]


def found_at(config: Any, path: Path_) -> Any:
    for part in path:
        config = getattr(config, str(part)) if isinstance(config, BaseModel) else config[part]
    return config


@pytest.mark.generated
@settings(deadline=None)
@given(st.sampled_from(PATHS), VALUES)
def test_a_value_of_a_stack_is_kept_as_it_is_or_refused_by_its_key(path: Path_, value: Any) -> None:
    try:
        config = load(EnvironmentConfig, "dev", "environment", replaced(path, value))
    except StackConfigError as error:
        reason = str(error)
    else:
        reason = ""
        assert _is_same(found_at(config, path), value)
    assert not reason or str(path[0]) in reason


@pytest.mark.generated
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([path for path in PATHS if isinstance(path[-1], str)]), WRITTEN)
def test_what_is_written_in_a_file_means_the_same_to_every_reader(tmp_path: Path, path: Path_, text: str) -> None:
    marked = yaml.safe_dump({"config": {"sensor-analytics:environment": replaced(path, "PLACE")}})
    (tmp_path / "Pulumi.dev.yaml").write_text(marked.replace("PLACE", text))
    try:
        found = read_stack_file("dev", "environment", tmp_path)
    except StackConfigError as error:
        reason = str(error)
    else:
        reason = ""
        meant = {"~": None, "5": 5, "1.5": 1.5, "true": True, "x": "x", "'010'": "010", "1e3": "1e3", "0o10": "0o10"}
        assert text in meant
        assert found_at(found, path) == meant[text]
    assert not reason or "Pulumi.dev.yaml" in reason


NAMED = sorted(
    {declaration.settings for declaration in CATALOG.declarations if declaration.settings.model_fields},
    key=lambda kind: kind.__name__,
)
TEXTS = SCALARS.filter(lambda value: value is not None).map(str) | WRITTEN | st.text(max_size=6)


@pytest.mark.generated
@settings(deadline=None)
@given(st.sampled_from(NAMED), st.data())
def test_a_variable_of_a_service_is_kept_as_it_is_or_refused_by_its_name(
    kind: type[Settings], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(kind.model_fields)))
    text = data.draw(TEXTS)
    try:
        load_settings(kind, {name.upper(): text})
    except ConfigurationError as error:
        lines = dict(line.split(":")[0].partition("=")[::2] for line in str(error).splitlines())
        if name.upper() in lines:
            return
    field = kind.model_fields[name]
    if text and field.annotation in {int, float}:
        assert float(as_text(field.annotation(text))) == float(text)
        assert not set(text) - set("-.0123456789")


def _is_same(parsed: Any, given: Any) -> bool:
    if isinstance(parsed, BaseModel):
        return isinstance(given, dict) and all(_is_same(getattr(parsed, name), value) for name, value in given.items())
    if isinstance(parsed, tuple):
        return isinstance(given, list) and all(map(_is_same, parsed, given))
    if isinstance(parsed, IPv4Network):
        return str(parsed) in {given, f"{given}/32"}
    if isinstance(parsed, bool) or isinstance(given, bool):
        return parsed is given
    return bool(parsed == given) and isinstance(parsed, str) == isinstance(given, str)
