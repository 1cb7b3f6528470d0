import logging
import os
from pathlib import Path

import pytest

from apps.platform.errors import ConfigurationError
from apps.platform.secrets import ReloadingSecret


def parse(content: bytes) -> int:
    try:
        return int(content)
    except ValueError:
        raise ValueError("not a number") from None


def replace(path: Path, content: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(content)
    part.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("1")
    return path


def test_a_file_is_read_again_when_it_changes(path: Path) -> None:
    secret = ReloadingSecret(path, parse)
    assert secret.read() == 1
    replace(path, "2")
    assert secret.read() == 2


def test_a_file_that_is_swapped_behind_a_link_is_read_again(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, ns=(0, 0))
    link = tmp_path / "secret"
    link.symlink_to("1")
    secret = ReloadingSecret(link, parse)
    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").replace(link)
    assert secret.read() == 2


def test_a_file_that_did_not_change_is_not_parsed_again(path: Path) -> None:
    parsed = []
    secret = ReloadingSecret(path, lambda content: parsed.append(content))
    secret.read()
    secret.read()
    assert parsed == [b"1"]


def test_a_bad_new_file_is_logged_once_and_the_old_content_stays(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = ReloadingSecret(path, parse)
    replace(path, "hunter2")
    with caplog.at_level(logging.ERROR):
        assert [secret.read(), secret.read()] == [1, 1]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: not a number; what was read before stays in use"
    ]
    replace(path, "3")
    assert secret.read() == 3


def test_a_file_that_vanishes_is_logged_once_and_read_again_when_it_is_back(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = ReloadingSecret(path, parse)
    path.unlink()
    with caplog.at_level(logging.ERROR):
        assert [secret.read(), secret.read()] == [1, 1]
    assert len(caplog.records) == 1
    path.write_text("4")
    assert secret.read() == 4


@pytest.mark.parametrize("content", [None, "hunter2"])
def test_a_file_that_cannot_be_used_at_the_start_is_a_configuration_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=str(path)):
        ReloadingSecret(path, parse)
