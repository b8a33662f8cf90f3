"""What a failed assertion says: every place in which two values differ, in one order, with nothing cut, and
the assertion itself where the test has no words of its own."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

__all__ = ["Comparisons", "compared", "shown", "without_bytes", "worded"]

#: Characters of one text that are shown whole, and bytes: so many may be a key.
_LONG: Final = 400
_LONG_BYTES: Final = 15
_NOTHING: Final = "nothing"
#: Where an object lies in memory: another place each time.
_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
_BARE: Final = re.compile(r"\AAssertionError: assert ")
_MARK: Final = re.compile(r"<comparison \d+>")
#: Bytes as Python writes them.
_BYTES: Final = re.compile(r"""\bb(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")""")
#: How pytest tells where a value came from.
_ORIGIN: Final = re.compile(r"^\s*\+\s+(?:where|and) ")


class Comparisons:
    """What failed comparisons found, by a mark that stands for it in pytest's text: pytest would cut it."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def mark(self, operator: str, left: Any, right: Any) -> str:
        """A mark for what a comparison found."""
        mark = f"<comparison {len(self._found)}>"
        self._found[mark] = " ".join(compared(operator, left, right))
        return mark

    def told(self, text: str) -> str:
        """The text with what the marks in it stand for."""
        return _MARK.sub(lambda found: self._found.get(found[0], found[0]), text)

    def forget(self) -> None:
        """A new case begins."""
        self._found.clear()


def compared(operator: str, left: Any, right: Any) -> list[str]:
    """What a comparison found instead: of two values that should be equal each place in which they are
    not, the left side being what the backend gave."""
    if operator != "==":
        return [f"{shown(left)} {operator} {shown(right)}"]
    if isinstance(left, str) and isinstance(right, str):
        left, right = _parsed(left), _parsed(right)
    return [*_cells(left, right, "")] or [f"got {shown(left)}, expected {shown(right)}"]


def _parsed(text: str) -> Any:
    """The object or list of a JSON text, so that what differs can be told by its place; else the text."""
    with suppress(ValueError, RecursionError):
        if text[:1] in ("{", "["):
            return json.loads(text)
    return text


def worded(message: str, path: str, line: int) -> str:
    """The text of a failed assertion: its own words, or the assertion as it stands in the source."""
    told = "\n".join(line for line in message.splitlines() if not _ORIGIN.match(line))
    told = _ADDRESS.sub("", told)
    told = _BARE.sub("assert ", told)
    found = told.removeprefix("assert ")
    source = "" if found == told else _assertion(path, line)
    return without_bytes(f"{source}: {found}" if source else told)


def without_bytes(text: str) -> str:
    """The text with bytes in it, where they may be a key (16 or more), by their length and digest."""
    return _BYTES.sub(_told_of_bytes, text)


def _told_of_bytes(found: re.Match[str]) -> str:
    try:
        value = ast.literal_eval(found[0])
    except (ValueError, SyntaxError):
        return found[0]
    return found[0] if len(value) <= _LONG_BYTES else _text(value)


def shown(value: Any) -> str:
    """A value in one line, the same in every process: sets sorted, long texts by length and digest, and
    bytes too, for they may be a key."""
    try:
        return _shown(value)
    except RecursionError:
        return f"({type(value).__name__}, nested too deeply)"


def _shown(value: Any) -> str:
    if isinstance(value, str | bytes):
        return _text(value)
    if is_dataclass(value) and not isinstance(value, type):
        told = (f"{f.name}={_shown(getattr(value, f.name))}" for f in fields(value) if f.repr)
        return f"{type(value).__name__}({', '.join(told)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_shown(n)}: {_shown(v)}' for n, v in value.items())}}}"
    if isinstance(value, Set):
        return f"{{{', '.join(sorted(map(_shown, value)))}}}" if value else "set()"
    if type(value) is tuple:
        return f"({', '.join(map(_shown, value))}{',' if len(value) == 1 else ''})"
    if type(value) is list:
        return f"[{', '.join(map(_shown, value))}]"
    return _ADDRESS.sub("", repr(value))


def _text(value: str | bytes) -> str:
    if len(value) <= (_LONG if isinstance(value, str) else _LONG_BYTES):
        return repr(value)
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    digest = sha256(data).hexdigest()[:16]
    if isinstance(value, bytes):
        return f"({len(value)} bytes, SHA-256 {digest}…)"
    return f"{value[:60]!r}… ({len(value)} characters, SHA-256 {digest}…)"


# -- places ----------------------------------------------------------------------------------------


def _cells(left: Any, right: Any, path: str) -> Iterator[str]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in sorted({**left, **right}, key=_natural):
            where = f"{path}.{name}" if path else str(name)
            yield from _pair(left, right, name, where)
    elif isinstance(left, Set) and isinstance(right, Set):
        yield from (f"{_at(path)}got {one} too;" for one in sorted(map(shown, left - right)))
        yield from (f"{_at(path)}got no {one};" for one in sorted(map(shown, right - left)))
    elif _is_list(left) and _is_list(right):
        yield from _members(left, right, path)
    elif not _equal(left, right):
        yield f"{_at(path)}got {shown(left)}, expected {shown(right)};"


def _pair(
    left: Mapping[Any, Any], right: Mapping[Any, Any], name: Any, where: str
) -> Iterator[str]:
    if name not in right:
        yield f"{where}: got {shown(left[name])}, expected {_NOTHING};"
    elif name not in left:
        yield f"{where}: got {_NOTHING}, expected {shown(right[name])};"
    else:
        yield from _cells(left[name], right[name], where)


def _members(left: Sequence[Any], right: Sequence[Any], path: str) -> Iterator[str]:
    if len(left) == len(right):
        for position, (mine, theirs) in enumerate(zip(left, right, strict=True)):
            yield from _cells(mine, theirs, f"{path}[{position}]")
        return
    yield f"{_at(path)}got {len(left)} of them, expected {len(right)};"
    given, wanted = [shown(one) for one in left], [shown(one) for one in right]
    for here, other, one_told in (
        (given, Counter(wanted), "{}: got {}, expected nothing;"),
        (wanted, Counter(given), "{}: got nothing, expected {};"),
    ):
        for position, one in enumerate(here):
            if other[one]:
                other[one] -= 1
            else:
                yield one_told.format(f"{path}[{position}]", one)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _equal(left: Any, right: Any) -> bool:
    try:
        return bool(left == right)
    except Exception:  # noqa: BLE001 - what cannot be compared is not equal
        return False


def _at(path: str) -> str:
    return f"{path}: " if path else ""


def _natural(name: Any) -> tuple[str, str]:
    return type(name).__name__, f"{name:020d}" if type(name) is int else str(name)


# -- the assertion itself --------------------------------------------------------------------------


def _assertion(path: str, line: int) -> str:
    """The assertion at a line of a source file, in one line; empty where there is none."""
    for first, last, text in _assertions(path):
        if first <= line <= last:
            return text
    return ""


@lru_cache(maxsize=64)
def _assertions(path: str) -> tuple[tuple[int, int, str], ...]:
    try:
        source = Path(path).read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return ()
    return tuple(
        (node.lineno, node.end_lineno or node.lineno, f"assert {ast.unparse(node.test)}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    )
