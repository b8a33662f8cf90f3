"""An item as a row and back, exactly: whatever does not fit its column is kept in the JSON."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from ...contract.items import Item, Value
from .file import COLUMNS

__all__ = ["Row", "item_of", "items_of", "row_of"]

#: pk, sk, attributes, content_encrypted, content_nonce, key_id, aad_hash.
Row: TypeAlias = tuple[str, str, str, bytes | None, bytes | None, str | None, str | None]

# Bytes within the JSON are an object with this one member. No value of an item is an object, so
# nothing else looks like it.
_BYTES = "base64"


def row_of(item: Mapping[str, Value]) -> Row:
    """The columns of an item. ``ValueError`` for what JSON cannot carry."""
    rest: dict[str, Any] = dict(item)
    pk, sk = rest.pop("pk"), rest.pop("sk")
    columns: list[Any] = []
    for name, kind in COLUMNS.items():
        value = rest.pop(name, None)
        if value is not None and type(value) is not kind:
            rest[name] = value
            value = None
        columns.append(value)
    try:
        attributes = orjson.dumps(rest, default=_tag).decode()
    except TypeError:
        raise ValueError("an attribute holds no value that an item can have") from None
    return pk, sk, attributes, *columns


def items_of(pk: str, rows: Sequence[Sequence[Any]]) -> list[Item]:
    """The items of rows without their ``pk``: sk, attributes and the four columns."""
    items: list[Item] = []
    for row in rows:
        sk, attributes, encrypted, nonce, key_id, aad_hash = row
        # The usual row, in few steps: every column filled, no object within the JSON.
        if encrypted is not None and type(attributes) is str and attributes.find("{", 1) < 0:
            try:
                item = orjson.loads(attributes)
                members = len(item)
                item["pk"] = pk
                item["sk"] = sk
                item["content_encrypted"] = encrypted
                item["content_nonce"] = nonce
                item["key_id"] = key_id
                item["aad_hash"] = aad_hash
            except (TypeError, ValueError):
                pass
            else:
                if len(item) == members + 6 and None not in (nonce, key_id, aad_hash):
                    items.append(item)
                    continue
        items.append(item_of(pk, row))
    return items


def item_of(pk: str, row: Sequence[Any]) -> Item:
    """The item of one row without its ``pk``, whatever somebody may have written into the file.

    A JSON that is none, or that has a member for which there is a column, comes back whole as an
    attribute ``attributes``: no item has one, so the reader above finds it (ENV-06).
    """
    sk, attributes, *columns = row
    item: Item = {"pk": pk, "sk": sk}
    item.update(
        (name, value) for name, value in zip(COLUMNS, columns, strict=True) if value is not None
    )
    try:
        rest = orjson.loads(attributes)
        if rest.keys() & item.keys():
            raise ValueError
        item.update((name, _untag(value)) for name, value in rest.items())
    except (AttributeError, TypeError, ValueError):
        item["attributes"] = attributes
    return item


def _tag(value: object) -> dict[str, str]:
    if type(value) is bytes:
        return {_BYTES: b64encode(value).decode("ascii")}
    raise TypeError


def _untag(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get(_BYTES), str):
        return b64decode(value[_BYTES], validate=True)
    return value
