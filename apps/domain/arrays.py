"""JSON arrays, item by item: what is no JSON costs only the item that holds it."""

import codecs
import re

import msgspec

MAX_MARKS = 200_000
"""Brackets, braces and commas that are looked at in a text that is not JSON: it must not cost more than one that is."""


def split_array(text: bytes) -> list[msgspec.Raw]:
    """Return the items of a JSON array, each still as text. A byte order mark before it is passed over (RFC 8259).

    Where the array is not JSON but its brackets and quotes are whole (`NaN`, `+1` and the like), its items are returned
    all the same: those that are no JSON show it when they are decoded. Raises msgspec.DecodeError for a text that is
    cut off or is no array, msgspec.ValidationError for JSON that is no array.
    """
    text = text.removeprefix(codecs.BOM_UTF8)
    try:
        return _ARRAY.decode(text)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply") from None
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        items = _split(text.strip(_BLANKS), b"[")
        if items is None:
            raise
        return [msgspec.Raw(item) for item in items]


def split_object(text: bytes) -> dict[str, bytes] | None:
    """Return the members of a JSON object whose values may be no JSON, each still as text; None for what is none."""
    members = {}
    for member in _split(text.strip(_BLANKS), b"{") or ():
        name = _NAME.match(member)
        if name is None:
            return None
        members[name[1].decode("utf-8", "replace")] = member[name.end() :]
    return members or None


def _split(text: bytes, opening: bytes) -> list[bytes] | None:
    """Return what stands between the outermost commas; None where brackets or quotes are not whole."""
    if not text.startswith(opening):
        return None
    items: list[bytes] = []
    open_marks = bytearray()
    start, position = 1, 0
    for _ in range(MAX_MARKS):
        found = _NEXT_MARK.match(text, position)
        if found is None:
            return None
        position = found.end()
        mark = text[position - 1]
        if mark in b"[{":
            open_marks.append(mark)
        elif mark != _COMMA:
            if open_marks.pop() != _PARTNERS[mark]:
                return None
            if not open_marks:
                last = text[start : position - 1].strip(_BLANKS)
                return None if position < len(text) else [*items, last] if items or last else []
        elif len(open_marks) == 1:
            items.append(text[start : position - 1].strip(_BLANKS))
            start = position
    return None


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_BLANKS = b" \t\r\n"
_COMMA = ord(",")
_PARTNERS = {ord("]"): ord("["), ord("}"): ord("{")}
# Possessive (++, *+): no text makes it try the same characters twice.
_NEXT_MARK = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")*+[\[\]{},]', re.DOTALL)
_NAME = re.compile(rb'[ \t\r\n]*+"([^"\\]*+)"[ \t\r\n]*+:')
