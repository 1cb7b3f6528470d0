"""The command line says what is wrong in words."""

from pathlib import Path

import pytest

from apps.simulator.faults import MEANINGS
from local.options import Options, parse


def test_nothing_is_needed() -> None:
    assert parse([]) == Options()


def test_every_option_is_read() -> None:
    given = (
        "--port 9000 --devices 3 --rate 7.5 --duration 60 --no-simulator --no-history --login --fresh --report r.json "
        "--fault drift --notifications n.yaml"
    )
    assert parse(given.split()) == Options(
        9000, 3, 7.5, 60, False, False, True, True, Path("r.json"), ("drift",), Path("n.yaml")
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--port", "80"], "must be a whole number from 1024 to 65500, not '80'"),
        (["--devices", "many"], "whole number"),
        (["--rate", "0"], "above 0"),
        (["--duration", "nan"], "above 0"),
        (["--fault", "explode"], "drift"),
        (["--fault", "spike:nosuch-001"], "no device is called so: they are sim-temperature-001 to 003"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_a_wrong_value_ends_with_code_2_and_what_is_allowed(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(given)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_help_says_what_faults_do_and_what_devices_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = capsys.readouterr().out
    for meaning in (*MEANINGS.values(), "sim-humidity-001", "--fault dropout:"):
        assert meaning in shown
