"""What a vector is before it is written: families, groups of cases, and the seeded stream.

A recipe is a small function that returns one case or yields several; its docstring is what the
documentation shows. It is registered with the group that it belongs to::

    FAMILY = Family(
        "timestamp",
        title="Timestamps in their one text form",
        notes={"Offset": Note("the input has an offset", "text order is not time order", ["ADDR-07"])},
    )
    NORMALISE = FAMILY.group(
        type="normalise",
        fields=Fields(input={"text": TEXT}, expected={"timestamp": TEXT}),
    )

    @NORMALISE.case
    def already_canonical() -> Case:
        '''A timestamp in its one form comes back as it is.'''
        return Case(
            "timestamp-normalise-canonical",
            rules=["ADDR-07"],
            data={"text": "2026-02-03T10:15:00.000000Z"},
            expected={"timestamp": "2026-02-03T10:15:00.000000Z"},
        )

Values may be `bytes` anywhere: they are written as lower-case hex. `stored` writes an item.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Data = Mapping[str, Any]
Schema = Mapping[str, Any]
Recipe = Callable[[], "Case | Iterable[Case]"]
R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True, slots=True)
class Note:
    """What a flag means: what such a case does, what an implementation that fails it lets through."""

    what: str
    effect: str
    rules: Sequence[str]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault: the layer that must catch it, the rules that say so and the code it is told by.

    `layer` is a layer of ENV-06, or `input` where a value is refused before it reaches an item.
    """

    layer: str
    code: str
    rules: Sequence[str]
    what: str


@dataclass(frozen=True, slots=True)
class Bytes:
    """The bytes of a hex or text field that a mutation touches: where they begin, how many."""

    pointer: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Case:
    """One vector. A negative one has a mutation, a valid sibling and what differs from it.

    `data` is what an implementation is given (written as `input`), `expected` what must come out,
    `intermediate` what lies between. `changed` names, as JSON pointers into the input, all that
    differs from the sibling's input: a pointer alone for a whole value (changed, added, removed),
    `Bytes` for a range in a hex field. `layer` and `code` come from the table of mutations.
    `comment` is the recipe's docstring where it is left out. A `planned` case comes before the code
    that keeps its rules: it is checked like every other, and asked of no backend yet.
    """

    tc_id: str
    rules: Sequence[str]
    data: Data
    comment: str = ""
    flags: Sequence[str] = ()
    intermediate: Data | None = None
    expected: Data | None = None
    result: Literal["valid", "invalid"] = "valid"
    mutation: str | None = None
    sibling: str | None = None
    changed: Sequence[str | Bytes] = ()
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A published file that cases were taken from."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fields:
    """JSON Schemas of a group's fields by name; a name that ends in `?` may be left out."""

    input: Schema
    expected: Schema = field(default_factory=dict)
    intermediate: Schema = field(default_factory=dict)
    parameters: Schema = field(default_factory=dict)


class Group:
    """Cases of one type with the same parameters; use `case` as a decorator on recipes."""

    def __init__(
        self, type: str, fields: Fields, parameters: Data, file: str, source: Source | None
    ) -> None:
        self.type = type
        self.fields = fields
        self.parameters = dict(parameters)
        self.file = file
        self.source = source
        self.recipes: list[Recipe] = []

    def case(self, recipe: R) -> R:
        """Register a recipe and give it back."""
        self.recipes.append(recipe)
        return recipe

    __call__ = case

    def cases(self) -> Iterator[tuple[Case, Recipe]]:
        """Every case of this group with the recipe that made it, in the order of registration."""
        for recipe in self.recipes:
            made = recipe()
            for case in [made] if isinstance(made, Case) else made:
                yield case, recipe


class Family:
    """The vectors of one subject: `name` begins every tc_id, `folder` is where its files lie.

    A planned family comes before the code that keeps its rules. `algorithm` is for published
    (NIST, RFC) vectors, which are no vectors of the contract.
    """

    def __init__(
        self,
        name: str,
        *,
        title: str,
        folder: str | None = None,
        notes: Mapping[str, Note] | None = None,
        planned: bool = False,
        header: Sequence[str] = (),
        algorithm: str | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self.folder = folder or name
        self.notes = dict(notes or {})
        self.planned = planned
        self.header = list(header)
        self.algorithm = algorithm
        self.groups: list[Group] = []

    def group(
        self,
        *,
        type: str,
        fields: Fields,
        parameters: Data | None = None,
        file: str | None = None,
        source: Source | None = None,
    ) -> Group:
        """A new group; those with the same `file` (default: the family's name) share a document."""
        group = Group(type, fields, parameters or {}, file or self.name, source)
        self.groups.append(group)
        return group


class Stream:
    """Bytes that are the same on every machine: SHA-256 over a label and a counter.

    For published test nonces, keys and texts only; worthless wherever something is to be secret.
    """

    def __init__(self, label: str) -> None:
        self._label = label.encode() + b"\x00"
        self._counter = 0
        self._rest = b""

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        while len(self._rest) < count:
            block = self._counter.to_bytes(8, "big")
            self._rest += hashlib.sha256(self._label + block).digest()
            self._counter += 1
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def below(self, limit: int) -> int:
        """A number from 0 up to, not including, `limit`."""
        return int.from_bytes(self.take(16), "big") % limit


def stream(label: str) -> Stream:
    """The stream of that label, from its beginning."""
    return Stream(label)


def stored(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as vectors show it: pk, sk, then the others by name; bytes as {"bytes": hex}."""
    names = ["pk", "sk", *sorted(name for name in item if name not in ("pk", "sk"))]
    return {
        name: {"bytes": item[name].hex()} if isinstance(item[name], bytes) else item[name]
        for name in names
        if name in item
    }


# Published and therefore worthless: every vector that needs one takes this key (KEY-02's 32 bytes).
PUBLISHED_UMK = bytes(range(32))
