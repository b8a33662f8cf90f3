"""Part JSON: text to values and values to RFC 8785 text (ADDR-10, ENV-02)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["MAX_SAFE", "NotJsonError", "canonical", "parse"]

#: Beyond it not every integer is a double of its own (STORE-12).
MAX_SAFE = 2**53 - 1

#: RFC 8785, 3.2.2.2: what is not written as it is.
_ESCAPES = {code: f"\\u{code:04x}" for code in range(32)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\b"): "\\b",
    ord("\t"): "\\t",
    ord("\n"): "\\n",
    ord("\f"): "\\f",
    ord("\r"): "\\r",
}


class NotJsonError(ValueError):
    """No JSON that the contract takes, or a value that it cannot write."""


def parse(text: bytes) -> Any:
    """The value of UTF-8 JSON text. Refused: invalid UTF-8, a BOM, lone surrogates, a name that
    stands twice, NaN and infinities however written, and whatever RFC 8259 refuses."""
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except NotJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
    _check_text(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotJsonError("a name stands twice")
    return value


def _constant(text: str) -> NoReturn:
    raise NotJsonError(f"{text} is no JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJsonError("a number beyond the doubles")
    return value


def _int(text: str) -> int | float:
    if len(text) > 400:  # every double is below 10^309
        raise NotJsonError("a number beyond the doubles")
    return _float(text) if text == "-0" else int(text)


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise NotJsonError("a lone surrogate")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_text(name)
            _check_text(member)
    elif isinstance(value, list):
        for member in value:
            _check_text(member)


def canonical(value: Any) -> bytes:
    """RFC 8785: the one UTF-8 text of a value. Integers and doubles of one value have one text."""
    pieces: list[str] = []
    try:
        _write(value, pieces)
        return "".join(pieces).encode("utf-8")
    except (UnicodeEncodeError, OverflowError, RecursionError) as error:
        raise NotJsonError(str(error)) from None


def _write(value: Any, out: list[str]) -> None:
    if value is None:
        out.append("null")
    elif value is True:
        out.append("true")
    elif value is False:
        out.append("false")
    elif isinstance(value, str):
        out.append(_text(value))
    elif isinstance(value, int | float):
        out.append(number(float(value)))
    elif isinstance(value, Mapping):
        out.append("{")
        for place, name in enumerate(sorted(value, key=_utf16)):
            out.append(("," if place else "") + _text(name) + ":")
            _write(value[name], out)
        out.append("}")
    elif isinstance(value, list | tuple):
        out.append("[")
        for place, member in enumerate(value):
            if place:
                out.append(",")
            _write(member, out)
        out.append("]")
    else:
        raise NotJsonError(f"{type(value).__name__} is no JSON")


def _utf16(name: str) -> bytes:
    """The order of RFC 8785, 3.2.3: by UTF-16 code units."""
    return name.encode("utf-16-be")


def _text(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'


def number(value: float) -> str:
    """RFC 8785, 3.2.2.3: as ECMAScript writes a double, from its shortest digits."""
    if not math.isfinite(value):
        raise NotJsonError("no JSON number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # value = 0.digits times 10^point
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        power = point - 1
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"
    return sign + text
