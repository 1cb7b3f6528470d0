import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apps.device.errors import StoreError
from apps.device.readings import Reading
from apps.device.store import MAX_REFUSED, Store

START = datetime(2026, 11, 26, 12, tzinfo=UTC)


def reading(number: int = 0, value: float = 1.5) -> Reading:
    return Reading("temperature", START + timedelta(microseconds=number), value)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store" / "readings.db")


@given(st.floats(allow_nan=False, allow_infinity=False), st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
@settings(max_examples=50)
def test_what_is_kept_comes_back_to_the_digit(
    tmp_path_factory: pytest.TempPathFactory, value: float, ts: datetime
) -> None:
    store = Store(tmp_path_factory.mktemp("store") / "readings.db")
    reading = Reading("m", ts.replace(tzinfo=UTC), value)
    store.append("d", [reading], by_own_clock=True)
    assert store.take("d", 1)[0].reading == reading
    store.close()


def test_a_full_store_lets_the_oldest_go_and_counts_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", max_readings=3)
    for number in range(5):
        store.append("d", [reading(number)], by_own_clock=True)
    assert [item.reading for item in store.take("d", 10)] == [reading(2), reading(3), reading(4)]
    assert (store.waiting(), store.count("dropped")) == (3, 2)


def test_a_batch_that_was_dropped_meanwhile_is_settled_all_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path / "s", max_readings=2)
    store.append("d", [reading(0), reading(1)], by_own_clock=True)
    batch = store.take("d", 2)
    store.append("d", [reading(2)], by_own_clock=True)
    store.settle("d", batch, {})
    assert store.waiting() == 1


def test_what_is_refused_is_kept_apart_up_to_a_bound(store: Store) -> None:
    for _ in range(3):
        store.append("d", [reading(number) for number in range(MAX_REFUSED // 2)], by_own_clock=True)
        batch = store.take("d", MAX_REFUSED)
        store.settle("d", batch, {index: f"reason {index}" for index in range(len(batch))})
    refused = store.refused()
    assert len(refused) == MAX_REFUSED
    assert refused[0].reason == f"reason {MAX_REFUSED // 2 - 1}"
    assert store.count("refused") == MAX_REFUSED * 3 // 2
    assert store.waiting() == 0


def test_only_times_of_this_runs_clock_that_were_not_sent_are_corrected(tmp_path: Path) -> None:
    path, hour = tmp_path / "s", timedelta(hours=1)
    earlier = Store(path)
    earlier.append("d", [reading(1)], by_own_clock=True)
    earlier.close()
    store = Store(path)
    store.append("d", [reading(2)], by_own_clock=False)
    store.append("d", [reading(3)], by_own_clock=True)
    store.append("other", [reading(4)], by_own_clock=True)
    assert len(store.take("other", 1)) == 1
    store.correct(hour)
    times = {item.reading.ts - START for device in ("d", "other") for item in store.take(device, 9)}
    us = timedelta(microseconds=1)
    assert times == {us, 2 * us, hour + 3 * us, 4 * us}


def test_a_second_process_is_told_that_the_file_is_taken(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="another process"):
        Store(tmp_path / "store" / "readings.db")


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    for number in (1, 2):
        path.write_bytes(b"no database" * 1000)
        store = Store(path)
        assert store.damaged == tmp_path / f"readings.db.damaged-{number}"
        assert store.damaged.read_bytes().startswith(b"no database")
        store.append("d", [reading()], by_own_clock=True)
        assert store.waiting() == 1
        store.close()
        path.unlink()


def test_what_was_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys, itertools; from pathlib import Path; from datetime import UTC, datetime\n"
        "from apps.device.store import Store; from apps.device.readings import Reading\n"
        f"store = Store(Path({str(tmp_path / 's')!r}))\n"
        "for n in itertools.count():\n"
        "    store.append('d', [Reading('m', datetime.fromtimestamp(n, UTC), float(n))], by_own_clock=True)\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if int(line) == 50:
                os.kill(process.pid, signal.SIGKILL)
                break
        last = max(map(int, process.stdout.read().split()), default=50)
    values = [item.reading.value for item in Store(tmp_path / "s").take("d", 100_000)]
    # One more may have been kept before it was told.
    assert values in ([float(n) for n in range(last + 1)], [float(n) for n in range(last + 2)])


class StoreModel(RuleBasedStateMachine):
    """The store against a list."""

    folder: Path
    LIMIT = 7

    def __init__(self) -> None:
        super().__init__()
        self.path = self.folder / f"{id(self)}-{len(list(self.folder.iterdir()))}"
        self.store = Store(self.path, self.LIMIT)
        self.rows: list[tuple[str, Reading]] = []
        self.number = 0

    @rule(device=st.sampled_from("ab"), count=st.integers(1, 9))
    def append(self, device: str, count: int) -> None:
        readings = [reading(self.number + index, float(index)) for index in range(count)]
        self.number += count
        self.store.append(device, readings, by_own_clock=True)
        self.rows = [*self.rows, *((device, item) for item in readings)][-self.LIMIT :]

    @rule(device=st.sampled_from("ab"), count=st.integers(1, 9), refused=st.sets(st.integers(0, 8)))
    def settle(self, device: str, count: int, refused: set[int]) -> None:
        batch = self.store.take(device, count)
        wanted = [row for row in self.rows if row[0] == device][:count]
        assert [row.reading for row in batch] == [row for _, row in wanted]
        self.store.settle(device, batch, dict.fromkeys(refused & set(range(len(batch))), "no"))
        self.rows = [row for row in self.rows if row not in wanted]

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Store(self.path, self.LIMIT)

    @invariant()
    def counts_agree(self) -> None:
        assert self.store.waiting() == len(self.rows)
        assert self.store.devices() == sorted({device for device, _ in self.rows})
        assert self.number == sum(map(self.store.count, ("sent", "refused", "dropped"))) + len(self.rows)

    def teardown(self) -> None:
        self.store.close()


def test_the_store_is_a_list_of_bounded_length(tmp_path: Path) -> None:
    StoreModel.folder = tmp_path
    run_state_machine_as_test(StoreModel, settings=settings(max_examples=20, stateful_step_count=20, deadline=None))
