import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

KIT = Path(__file__).parents[3] / "apps/device"


def test_the_kit_stands_alone_under_its_own_name(tmp_path: Path) -> None:
    shutil.copytree(KIT, tmp_path / "sensor_analytics_device")
    modules = sorted(path.stem for path in KIT.glob("*.py") if path.stem != "__init__")
    code = (
        f"import sys, importlib; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"for name in {modules}: importlib.import_module('sensor_analytics_device.' + name)\n"
        "assert not {'apps', 'msgspec', 'pydantic'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)


def test_its_libraries_are_those_that_it_is_tested_with() -> None:
    def named(path: Path) -> dict[str, set[str]]:
        project = tomllib.loads(path.read_text())["project"]
        return {"": set(project["dependencies"]), **{k: set(v) for k, v in project["optional-dependencies"].items()}}

    kit, platform = named(KIT / "pyproject.toml"), named(KIT.parents[1] / "pyproject.toml")
    assert kit[""] <= platform["simulator"]
    assert kit["mqtt"] <= platform["test"]
