"""Settings come from the environment that is given, and from nowhere else."""

import pytest

from apps.platform.errors import ConfigurationError
from apps.platform.settings import HttpSettings, StreamSettings, load


def test_a_variable_of_the_own_process_does_not_fill_a_gap_in_a_given_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("READINGS_STREAM", "mine")
    with pytest.raises(ConfigurationError, match="READINGS_STREAM is not set"):
        load(StreamSettings, {"AWS_REGION": "eu-west-1"})


def test_without_a_given_environment_the_own_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINGS_STREAM", "mine")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert load(StreamSettings).readings_stream == "mine"


def test_an_empty_value_counts_as_none() -> None:
    with pytest.raises(ConfigurationError, match="AWS_REGION is not set"):
        load(StreamSettings, {"AWS_REGION": "", "READINGS_STREAM": "readings"})


@pytest.mark.parametrize("text", ["8_080", "08080", "8080.0", " 8080", "+8080", "8e3", "٨٠٨٠"])
def test_a_number_is_what_is_written_and_not_what_could_be_made_of_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"HTTP_PORT=.*: .*write a whole number"):
        load(HttpSettings, {"HTTP_PORT": text})


def test_every_wrong_value_is_named_with_what_it_means() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(StreamSettings, {"AWS_REGION": "Ireland", "READINGS_STREAM": "a b"})
    first, second = str(refused.value).splitlines()
    assert first.startswith("AWS_REGION='Ireland'")
    assert second.startswith("READINGS_STREAM='a b'")
    assert "(Name of the Kinesis stream)" in second
