"""The contract's tables (``entities.json``, ``methods.json``) in parts that people read.

A part is one entity type, one method, or a table over all of them. Nothing of the JSON files is left out:
what this module does not know by name is shown as it is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

__all__ = ["Part", "method_names", "parts", "parts_of", "stores"]

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the tables: facts as name and value, then a table. ``title`` names it for people,
    ``name`` for the command line."""

    name: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The part as JSON values: facts by name, rows by column."""
        return {
            "name": self.name,
            "title": self.title,
            "facts": dict(self.facts),
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
        }


#: Rule -> the parts of the tables without which it cannot be read. What a rule names by the name of a
#: method or of an entity type is found without standing here.
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ADDR-02": ("letters",),
    "ADDR-03": ("keys",),
    "ADDR-04": ("keys",),
    "ADDR-05": ("keys", "indexes"),
    "STORE-02": ("AnalyticsStore",),
    "STORE-05": ("keys",),
    "STORE-06": ("errors",),
    "STORE-07": ("keys",),
    "STORE-08": ("transitions",),
    "STORE-09": ("create_round",),
    "STORE-10": ("verdict", "transitions"),
    "STORE-12": ("limits",),
    "STORE-13": ("register_round",),
    "STORE-14": ("errors",),
    "STORE-22": ("request",),
    "STORE-23": ("AnalyticsStore",),
    "STORE-24": ("ref",),
    "GRAPH-02": ("results",),
    "GRAPH-03": ("verdict",),
    "GRAPH-04": ("results",),
    "ENV-02": ("sealed",),
    "ENV-06": ("keys", "indexes"),
    "KEY-05": ("dek",),
    "KEY-06": ("dek",),
    "KEY-09": ("erase_dialogue", "head"),
    "AUDIT-01": ("audit event",),
    "AUDIT-05": ("verify_chain", "results"),
    "HEAD-01": ("head",),
    "HEAD-02": ("head",),
    "HEAD-06": ("indexes",),
    "HEAD-07": ("journal", "head"),
    "MIG-01": ("MigrationStore",),
    "MIG-02": ("complete_migration", "head"),
    "PROTO-02": ("DialogueStore",),
    "PROTO-03": ("errors",),
    "ERR-01": ("errors",),
}

_STORES: Final = ("DialogueStore", "AnalyticsStore")
#: Members of a field that have a place of their own; any other is shown in the last column.
_FIELD: Final = ("name", "type", "placement", "nullable", "default")
_TYPE: Final = ("entity", "fields", "transitions")


def parts() -> Mapping[str, Part]:
    """Every part by its name: entity types and bookkeeping items, methods, and tables over all of them."""
    return _parts()


def parts_of(rule: str) -> tuple[Part, ...]:
    """The parts that a rule cannot be read without; none for most."""
    return tuple(parts()[name] for name in _NEEDS.get(rule, ()))


def method_names() -> tuple[str, ...]:
    """The names of all methods, in the order of the contract."""
    return tuple(raw["name"] for store in _STORES for raw in _read("methods.json")[store])


def stores() -> tuple[str, ...]:
    """The abstract classes that have methods of their own in ``methods.json``."""
    return _STORES


@cache
def _parts() -> dict[str, Part]:
    entities, methods = _read("entities.json"), _read("methods.json")
    kinds = [*entities["types"], *entities["bookkeeping"]]
    raw_methods = {store: methods[store] for store in _STORES}
    made = [
        *(_entity(raw) for raw in kinds),
        *(_method(store, raw) for store, listed in raw_methods.items() for raw in listed),
        *(_store(store, listed) for store, listed in raw_methods.items()),
        _migration(methods),
        _keys(entities, kinds),
        _letters(entities["types"]),
        _transitions(entities["types"]),
        _limits(kinds),
        _sealed(kinds),
        _indexes(entities),
        _errors(methods),
        _results(methods),
        _profiles(methods),
    ]
    found = {part.name: part for part in made}
    if len(found) != len(made):
        raise ValueError("two parts of the tables have one name")
    return found


@cache
def _read(name: str) -> Json:
    text = files("reference_impl.contract").joinpath(name).read_text(encoding="utf-8")
    found: Json = json.loads(text)
    return found


# -- one entity type, one method ------------------------------------------------------------------


def _entity(raw: Json) -> Part:
    title = f"`{raw['entity']}`"
    facts = [(_words(name), _said(raw[name])) for name in raw if name not in _TYPE]
    rows = [
        (
            field["name"],
            field["type"],
            field["placement"],
            "yes" if field.get("nullable") else "",
            _value(field["default"]) if "default" in field else "",
            "; ".join(_more(field)),
        )
        for field in raw.get("fields", ())
    ]
    if "transitions" in raw:
        facts.append(("transitions", "; ".join(_steps(raw["transitions"]))))
    columns = ("field", "type", "placement", "may be null", "default", "more")
    return Part(raw["entity"], title, tuple(facts), columns if rows else (), tuple(rows))


def _more(field: Json) -> Iterator[str]:
    for name, value in field.items():
        if name == "note":
            yield value
        elif name not in _FIELD:
            yield f"{_words(name)} {_said(value)}"


def _method(store: str, raw: Json) -> Part:
    facts = [
        ("of", store),
        *((_words(name), _said(raw[name])) for name in raw if name not in ("name", "params")),
    ]
    rows = tuple(
        (
            param["name"],
            param["type"],
            "yes" if param.get("required", True) else "",
            _value(param["default"]) if "default" in param else "",
            "; ".join(
                f"{_words(name)} {_said(value)}"
                for name, value in param.items()
                if name not in ("name", "type", "required", "default")
            ),
        )
        for param in raw["params"]
    )
    columns = ("parameter", "type", "required", "default", "more")
    return Part(raw["name"], f"`{raw['name']}`", tuple(facts), columns if rows else (), rows)


# -- tables over all of them ----------------------------------------------------------------------


def _store(store: str, listed: Sequence[Json]) -> Part:
    rows = tuple(
        (raw["name"], raw["profile"], raw.get("kind", "read"), raw["returns"]) for raw in listed
    )
    return Part(store, f"Methods of `{store}`", (), ("method", "profile", "kind", "returns"), rows)


def _migration(methods: Json) -> Part:
    rows = tuple(
        (raw["name"], raw.get("kind", "read"), raw["returns"])
        for raw in methods["DialogueStore"]
        if raw["profile"] == "migration"
    )
    facts = (("which", methods["MigrationStore"]),)
    title = "Methods of `MigrationStore`"
    return Part("MigrationStore", title, facts, ("method", "kind", "returns"), rows)


def _keys(entities: Json, kinds: Sequence[Json]) -> Part:
    known = ("types", "bookkeeping", "indexes", "index_projection")
    facts = tuple((_words(n), _said(value)) for n, value in entities.items() if n not in known)
    rows = tuple(
        (raw["entity"], raw["sk"], raw.get("address") or "none", ", ".join(raw.get("identity", ())))
        for raw in kinds
    )
    columns = ("item", "sort key", "address", "identity")
    return Part("keys", "Keys and addresses", facts, columns, rows)


def _letters(types: Sequence[Json]) -> Part:
    rows = tuple((r["display_letter"], r["entity"]) for r in types if "display_letter" in r)
    return Part("letters", "Letters of display ids", (), ("letter", "entity"), rows)


def _transitions(types: Sequence[Json]) -> Part:
    rows = tuple(
        (raw["entity"], state, ", ".join(after) or "nothing", _said(raw.get("writes_event_on", ())))
        for raw in types
        for state, after in raw.get("transitions", {}).items()
    )
    columns = ("entity", "from", "to", "writes an event on")
    return Part("transitions", "States and transitions", (), columns, rows)


def _limits(kinds: Sequence[Json]) -> Part:
    """Fields with a limit of their own."""
    rows = tuple(
        (raw["entity"], field["name"], field["type"], "; ".join(more))
        for raw in kinds
        for field in raw.get("fields", ())
        if (more := list(_more({n: v for n, v in field.items() if n != "note"})))
    )
    return Part("limits", "Fields with limits", (), ("entity", "field", "type", "limit"), rows)


def _sealed(kinds: Sequence[Json]) -> Part:
    rows = tuple(
        (raw["entity"], field["name"], field["type"], "yes" if field.get("nullable") else "")
        for raw in kinds
        for field in raw.get("fields", ())
        if field["placement"] == "sealed"
    )
    columns = ("entity", "field", "type", "may be null")
    return Part("sealed", "Sealed fields", (), columns, rows)


def _indexes(entities: Json) -> Part:
    columns = ("name", "pk_attribute", "pk", "sk_attribute", "sk", "on")
    rows = tuple(tuple(_said(raw[name]) for name in columns) for raw in entities["indexes"])
    facts = (("projection", entities["index_projection"]),)
    return Part("indexes", "Indexes", facts, tuple(map(_words, columns)), rows)


def _errors(methods: Json) -> Part:
    facts = (("of every method", ", ".join(methods["common_errors"])),)
    rows = tuple(
        (raw["name"], ", ".join(raw["errors"]))
        for store in _STORES
        for raw in methods[store]
        if raw.get("errors")
    )
    return Part("errors", "Errors", facts, ("method", "besides"), rows)


def _results(methods: Json) -> Part:
    known = ("DialogueStore", "AnalyticsStore", "MigrationStore", "results", "profiles")
    facts = tuple(
        (_words(name), _said(value))
        for name, value in methods.items()
        if name not in (*known, "common_errors", "spec_revision")
    )
    rows = tuple((name, _said(value)) for name, value in methods["results"].items())
    return Part("results", "Results", facts, ("result", "members"), rows)


def _profiles(methods: Json) -> Part:
    rows = tuple(
        (
            raw["name"],
            ", ".join(raw["needs"]) or "nothing",
            ", ".join(raw["rules"]),
            raw.get("note", ""),
        )
        for raw in methods["profiles"]
    )
    return Part("profiles", "Profiles", (), ("profile", "needs", "rules", "note"), rows)


# -- words ------------------------------------------------------------------------------------------


def _words(name: str) -> str:
    shown = {"sk": "sort key", "pk": "partition key", "sk_attribute": "sort key's attribute"}
    shown["pk_attribute"] = "partition key's attribute"
    return shown.get(name, name.replace("_", " "))


def _steps(transitions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for state, after in transitions.items():
        yield f"{state} → {', '.join(after) or 'nothing'}"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _said(value: object) -> str:
    """A value in words: texts as they are, lists by commas."""
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_said(each) for each in value) or "nothing"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_said(each)}" for name, each in value.items())
    return _value(value)
