from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import stdev

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.devices import DeviceSpec
from apps.domain.readings import parse_readings
from apps.domain.time_bounds import TimeBounds
from apps.simulator.faults import Fault, FaultKind
from apps.simulator.fleet import Sample, fleet, history, in_sending_order, interval, measure
from apps.simulator.sensors import KINDS

START = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
devices = st.integers(0, 11).map(lambda at: fleet(12)[at])
faults = st.lists(
    st.builds(
        Fault,
        st.sampled_from(FaultKind),
        start=st.floats(0, 50),
        duration=st.floats(0, 50),
        share=st.floats(0, 1),
    ),
    max_size=4,
)


def samples(device: DeviceSpec, count: int, *faults: Fault, seed: int = 0, every: timedelta = SECOND) -> list[Sample]:
    return list(islice(measure(device, START, every, faults, seed), count))


def valid(sample: Sample) -> bool:
    readings = parse_readings(b"[" + sample.data + b"]", TimeBounds.at(sample.measured, 3), 1).readings
    return len(readings) == 1


@given(devices, faults, st.integers())
def test_the_same_seed_gives_the_same_samples(device: DeviceSpec, faults: list[Fault], seed: int) -> None:
    assert samples(device, 50, *faults, seed=seed) == samples(device, 50, *faults, seed=seed)


@given(devices)
def test_another_seed_or_another_device_gives_other_samples(device: DeviceSpec) -> None:
    values = {sample.data for sample in samples(device, 20)}
    assert values.isdisjoint(sample.data for sample in samples(device, 20, seed=1))
    other = DeviceSpec(device_id="other", kind=device.kind)
    assert values.isdisjoint(sample.data for sample in samples(other, 20))


@given(devices, faults)
def test_fresh_and_repeated_samples_are_valid_readings_and_malformed_ones_never(
    device: DeviceSpec, faults: list[Fault]
) -> None:
    drawn = samples(device, 100, *faults)
    assert all(valid(sample) == (sample.kind in {"fresh", "duplicate"}) for sample in drawn)
    fresh = [sample.key for sample in drawn if sample.kind == "fresh"]
    assert len(set(fresh)) == len(fresh)
    assert {sample.key for sample in drawn if sample.kind == "duplicate"} <= set(fresh)


@given(devices, faults)
def test_samples_are_sent_when_they_are_due_and_none_is_forgotten(device: DeviceSpec, faults: list[Fault]) -> None:
    measured = samples(device, 100, *faults)
    sent = list(in_sending_order(iter(measured)))
    assert Counter(sample.data for sample in sent) == Counter(sample.data for sample in measured)
    assert [sample.due for sample in sent] == sorted(sample.due for sample in sent)


@given(st.integers(1, 60), st.floats(0.1, 5_000))
def test_the_fleet_measures_at_the_rate_that_is_asked_for(size: int, rate: float) -> None:
    members = fleet(size)
    every = interval(members, rate)
    per_second = sum(len(KINDS[member.kind]) for member in members) / every.total_seconds()
    assert per_second == pytest.approx(rate, rel=0.01)


def test_the_fleet_has_every_kind_and_every_device_its_own_id() -> None:
    members = fleet(40, "test")
    assert Counter(member.kind for member in members) == dict.fromkeys(KINDS, 10)
    assert len({member.device_id for member in members}) == 40
    msgspec.convert(msgspec.to_builtins(members), list[DeviceSpec])


@given(devices, st.integers(1, 500), st.floats(0, 1), st.floats(0, 1))
def test_a_history_holds_exactly_the_readings_that_are_asked_for(
    device: DeviceSpec, readings: int, duplicates: float, malformed: float
) -> None:
    mixed = [Fault(FaultKind.DUPLICATE, share=duplicates), Fault(FaultKind.MALFORMED, share=malformed)]
    drawn = list(history(device, START, readings, mixed, 0))
    assert sum(sample.kind == "fresh" for sample in drawn) == readings
    assert all(sample.measured < START for sample in drawn)


def values(device: DeviceSpec, count: int, *faults: Fault) -> list[float]:
    drawn = samples(device, count * len(KINDS[device.kind]), *faults)
    name = KINDS[device.kind][0].metric
    return [msgspec.json.decode(sample.data)["value"] for sample in drawn if sample.key and sample.key.metric == name]


def test_a_device_has_a_name_and_tells_the_unit_of_each_of_its_metrics() -> None:
    power = next(device for device in fleet(12) if device.kind == "power")
    assert power.name == "Power sensor 1"
    assert power.attributes == {"power_unit": "W", "voltage_unit": "V"}


DEVICE = fleet(1)[0]
NOISE = KINDS[DEVICE.kind][0].noise


def test_a_day_has_its_cycle() -> None:
    sensor = KINDS[DEVICE.kind][0]
    day = [
        msgspec.json.decode(sample.data)["value"]
        for sample in islice(measure(DEVICE, START, timedelta(minutes=10), (), 0), 144)
    ]
    assert max(day[80:100]) - min(day[10:30]) > sensor.daily
    assert abs(sum(day) / len(day) - sensor.mean) < sensor.mean * 0.1


def test_drift_creeps_away_within_its_time_only() -> None:
    plain, faulty = values(DEVICE, 100), values(DEVICE, 100, Fault(FaultKind.DRIFT, start=20, duration=50))
    assert faulty[:20] == plain[:20]
    assert faulty[70:] == plain[70:]
    assert faulty[60] - plain[60] == pytest.approx(4 * NOISE, abs=0.01)


def test_spikes_are_few_and_far_out() -> None:
    plain, faulty = values(DEVICE, 500), values(DEVICE, 500, Fault(FaultKind.SPIKE, share=0.02))
    jumps = [abs(expected - actual) for expected, actual in zip(plain, faulty, strict=True) if expected != actual]
    assert 1 <= len(jumps) < 30
    assert min(jumps) > 20 * NOISE


def test_a_shift_lifts_and_noise_shakes_within_their_time_only() -> None:
    plain = values(DEVICE, 400)
    lifted, shaken = (
        values(DEVICE, 400, Fault(kind, start=100, duration=200)) for kind in (FaultKind.SHIFT, FaultKind.NOISY)
    )
    for faulty in (lifted, shaken):
        assert (faulty[:100], faulty[300:]) == (plain[:100], plain[300:])
    assert [is_ - was for is_, was in zip(lifted, plain, strict=True)][100:300] == pytest.approx(
        [8 * NOISE] * 200, abs=0.002
    )
    assert stdev(is_ - was for is_, was in zip(shaken[100:300], plain[100:300], strict=True)) > 4 * NOISE


def test_a_stuck_sensor_says_one_value() -> None:
    plain, faulty = values(DEVICE, 50), values(DEVICE, 50, Fault(FaultKind.STUCK, start=10, duration=30))
    assert faulty == plain[:10] + plain[10:11] * 30 + plain[40:]


def test_an_untimely_cycle_says_by_night_what_is_usual_by_day() -> None:
    whole_day = 86_400
    plain = samples(DEVICE, 24, every=timedelta(hours=1))
    faulty = samples(DEVICE, 24, Fault(FaultKind.UNTIMELY, duration=whole_day), every=timedelta(hours=1))
    top, odd = (max(drawn, key=lambda sample: msgspec.json.decode(sample.data)["value"]) for drawn in (plain, faulty))
    assert abs(top.measured.hour - 15) <= 2
    assert abs(odd.measured.hour - 3) <= 2


def test_a_dropout_leaves_a_gap() -> None:
    drawn = samples(DEVICE, 50, Fault(FaultKind.DROPOUT, start=10, duration=30))
    assert [sample.kind for sample in drawn] == ["fresh"] * 10 + ["silence"] * 30 + ["fresh"] * 10
    plain = samples(DEVICE, 50)
    assert (drawn[:10], drawn[40:]) == (plain[:10], plain[40:])


def test_late_readings_are_due_after_they_were_measured() -> None:
    drawn = samples(DEVICE, 20, Fault(FaultKind.LATE, start=5, duration=5))
    assert sum(sample.due > sample.measured for sample in drawn) == 5


def test_a_fault_of_one_device_leaves_the_others_alone() -> None:
    fault = Fault(FaultKind.SPIKE, device="*-power-*", share=1)
    for device in fleet(4):
        assert (samples(device, 5) == samples(device, 5, fault)) == (device.kind != "power")
