"""Why something that a device sent is not a reading: what was found, and what is wanted."""

import re
from collections.abc import Collection
from typing import Any

import msgspec

from apps.domain.text import with_point
from apps.domain.times import epoch_advice

EXAMPLE = '{"metric": "temperature", "ts": "2026-11-20T02:00:00Z", "value": 21.5}'
_SHOWN = 60
"""Characters of what was found that are shown."""

_GZIP, _UTF_16 = "it is gzip", "it is UTF-16"
_MAGIC = {
    b"\x1f\x8b": _GZIP,
    b"\x28\xb5\x2f\xfd": "it is Zstandard",
    b"PK\x03\x04": "it is a ZIP archive",
    b"BZh": "it is bzip2",
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
}
_INSTEAD = {_GZIP: "send it with the header Content-Encoding: gzip", _UTF_16: "send UTF-8"}

_OTHER_NAMES = {
    "ts": ("time", "timestamp", "date", "datetime", "t", "at"),
    "value": ("val", "v", "reading", "data"),
    "metric": ("name", "sensor", "type", "measurement", "key", "field"),
    "device_id": ("device", "id", "deviceid", "device_name"),
}


def reading_reason(item: bytes, error: Exception, fields: Collection[str]) -> str:
    """Return where it is wrong, what was found there and what to write instead; else the decoder's own reason.

    `fields`: those that a reading of this kind holds.
    """
    reason = str(error)
    try:
        found = msgspec.json.decode(item)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return reason
    if isinstance(found, dict) and (path := re.search(r"`\$\.(\w+)`", reason)):
        return f"{path[1]}: {_FIELDS[path[1]](found.get(path[1]))}"
    advice = _advice(found, reason, fields)
    return f"{reason}: {advice}" if advice else reason


def packed_reason(body: bytes) -> str | None:
    """Return how a body seems to be compressed or coded; None where it is neither."""
    for magic, what in _MAGIC.items():
        if body.startswith(magic):
            return what
    return None


def body_reason(body: bytes) -> str | None:
    """Return what a body seems to be that is no JSON array, and what to do; None where nothing is known of it."""
    text = body[:4096].lstrip()
    if packed := packed_reason(body):
        return f"{packed}: {_INSTEAD.get(packed, 'send it plain or as gzip')}"
    if not text:
        return "it is empty"
    if text.startswith(b"{"):
        lines = [line for line in text.splitlines() if line.strip()]
        several = len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines)
        return f"it is {'an object on each line' if several else 'a single object'}: put it in brackets, [{EXAMPLE}]"
    if re.match(rb"[A-Za-z_][\w.]*=", text):
        return f"it is a form: send JSON, [{EXAMPLE}]"
    if re.match(rb'[\w "]+([,;\t][\w "]+)+[\r\n]', text):
        return f"it is CSV: send JSON, [{EXAMPLE}]"
    return None


def _advice(found: Any, reason: str, fields: Collection[str]) -> str | None:
    known = [name for name in _FIELDS if name in fields]
    if not isinstance(found, dict):
        return f"found {_show(found)}, write {_example(known)}"
    if named := re.search(r"required field `(\w+)`", reason):
        return _missing(found, named[1])
    if named := re.search(r"unknown field `(.+?)`", reason):
        return f"a reading holds {', '.join(known[:-1])} and {known[-1]}{_renamed(found, named[1], known)}"
    return None


def _example(fields: Collection[str]) -> str:
    return f'{{"device_id": "boiler-1", {EXAMPLE[1:]}' if "device_id" in fields else EXAMPLE


def _missing(found: dict[str, Any], name: str) -> str:
    other = next((key for key in found if str(key).lower() in (name, *_OTHER_NAMES[name])), None)
    return f"found {', '.join(map(_show, found)) or 'an empty object'}{f', write {name} for {other}' if other else ''}"


def _renamed(found: dict[str, Any], unknown: str, fields: Collection[str]) -> str:
    for name in fields:
        if name not in found and unknown.lower() in (name, *_OTHER_NAMES[name]):
            return f": write {name} for {unknown}"
    return ""


def _time(found: Any) -> str:
    text = str(found) if isinstance(found, int | float) and not isinstance(found, bool) else found
    advice = epoch_advice(text) if isinstance(text, str) else None
    if isinstance(found, float) and not advice and abs(found) < 1e19:
        advice = epoch_advice(f"{found:.3f}")
    return f"found {_show(found)}, {advice or 'write RFC 3339 with a zone, as in 2026-11-20T02:00:00Z'}"


def _value(found: Any) -> str:
    wanted = "write a number"
    if isinstance(found, str):
        if number := with_point(found):
            wanted = f"write {number}, with a point and without quotes"
        elif re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", found):
            wanted = f"write {found.strip()} without quotes"
        elif unit := re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*\D{1,5}", found):
            wanted = f"write {unit[1]} without its unit"
    elif found is None:
        wanted = "leave out what was not measured"
    elif isinstance(found, bool):
        wanted = f"write {int(found)}"
    elif isinstance(found, int | float):
        wanted = "it may be 1e300 at most, with either sign"
    return f"found {_show(found)}, {wanted}"


def _metric(found: Any) -> str:
    if not isinstance(found, str):
        return f"found {_show(found)}, write text such as temperature"
    name = re.sub(r"[^a-z0-9]+", "_", found.lower()).strip("_")[:63].lstrip("0123456789_") or "temperature"
    return f"found {_show(found)}, write lower case letters, digits and _, at most 63, as in {name}"


def _device_id(found: Any) -> str:
    return f"found {_show(found)}, write letters, digits, '.', '_' and '-', at most 64, as in boiler-1"


def _show(found: Any) -> str:
    text = msgspec.json.encode(found).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_FIELDS = {"device_id": _device_id, "metric": _metric, "ts": _time, "value": _value}
