"""What is wrong with a value is said without Python."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from apps.domain.alerts import AlertState
from apps.domain.devices import DeviceSpec
from apps.domain.plain_reasons import plain_reason
from apps.domain.readings import Metric


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    metric: Metric = "power"
    state: AlertState | None = None


class Round(msgspec.Struct, tag="round"):
    size: int


class Square(msgspec.Struct, tag="square"):
    size: int


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: list[Inner] = []
    sort: Literal["asc", "desc"] = "asc"
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    id: UUID | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] | None = None
    form: Round | Square | None = None
    pulses: Annotated[float, msgspec.Meta(multiple_of=1)] = 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"inner": [{"metric": "Temp C"}]},
            "inner[0].metric: write lower case letters, digits and '_', at most 63, beginning with a letter, for",
        ),
        (
            {"inner": [{"state": "banana"}]},
            "inner[0].state: 'banana' is not allowed: choose open, acknowledged, resolved",
        ),
        ({"sort": "up"}, "sort: 'up' is not allowed: choose asc, desc"),
        ({"sord": "up"}, "there is no field 'sord': it takes inner, sort, at, id, count, name, form, pulses"),
        ({"form": {"type": "oval", "size": 1}}, "form.type: 'oval' is not allowed: choose round, square"),
        ({"form": {"type": "round"}}, "form: size is missing"),
        ({"count": "3"}, "count: must be a whole number, not text"),
        ({"count": 0}, "count: must be at least 1"),
        ({"count": 11}, "count: must be at most 10"),
        ({"name": ""}, "name: must have at least 1 character"),
        ({"name": "toolong"}, "name: must have at most 5 characters"),
        ({"at": "yesterday"}, "at: must be a time as RFC 3339 writes it, as in 2026-11-20T02:00:00Z"),
        ({"at": "2026-11-20T02:00:00"}, "at: must be a time with its zone, as in 2026-11-20T02:00:00Z"),
        ({"id": "x"}, "id: must be a UUID, as in"),
        ({"pulses": 1.5}, "pulses: must be a whole number"),
        ([], "must be an object, not a list"),
    ],
)
def test_a_reason_names_the_place_what_is_wrong_and_what_is_allowed(body: Any, reason: str) -> None:
    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.json.decode(msgspec.json.encode(body), type=Outer)
    assert plain_reason(wrong.value, Outer).startswith(reason)


def test_what_a_device_is_called_is_explained() -> None:
    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.json.decode(b'{"device_id": "boiler 1", "kind": "Pump"}', type=DeviceSpec)
    assert (
        plain_reason(wrong.value, DeviceSpec)
        == "device_id: write letters, digits, '.', '_' and '-', at most 64, for example boiler-1"
    )
