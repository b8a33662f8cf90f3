"""The worked case of docs/vectors.md, made from the vector itself: ``python -m tests.worked_case``
writes it into the document again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "vectors.md"
TC_ID = "envelope-open-perspective-rfc-example"
BEGIN, END = "<!-- worked case: begin -->\n", "<!-- worked case: end -->\n"
_WIDTH = 16


def vector() -> dict[str, Any]:
    """The RFC's own example."""
    document = json.loads((ROOT / "vectors" / "envelope" / "envelope.json").read_bytes())
    (found,) = (
        test
        for group in document["test_groups"]
        for test in group["tests"]
        if test["tc_id"] == TC_ID
    )
    return dict(found)


def block(title: str, raw: bytes) -> str:
    """Bytes as a dump: offset, hex, and the characters where they are printable ASCII."""
    lines = [f"{title}: {len(raw)} bytes"]
    for at in range(0, len(raw), _WIDTH):
        row = raw[at : at + _WIDTH]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:04x}  {row.hex(' '):<{3 * _WIDTH - 1}}  {text}".rstrip())
    return "```text\n" + "\n".join(lines) + "\n```\n"


def rendered(test: dict[str, Any]) -> str:
    """The steps from the item to its fields, each with its bytes."""
    item, between = test["input"]["item"], test["intermediate"]
    sealed = bytes.fromhex(item["content_encrypted"]["bytes"])
    address = between["address"].encode()
    plaintext = bytes.fromhex(between["plaintext"])
    aad, nonce = between["aad"], item["content_nonce"]["bytes"]
    dek = test["input"]["deks"]["1"]
    fields = json.dumps(test["expected"]["fields"], indent=2, ensure_ascii=False)
    attributes = {n: v for n, v in item.items() if n != "content_encrypted"}
    form = json.dumps(attributes, indent=2)
    return f"""\
`{test["tc_id"]}`, an item as it lies in the store. It was asked for under its own `pk`,
`{item["pk"]}`, and `sk`, `{item["sk"]}`.

**1. The form** (layer `envelope`). The sort key is one of a perspective, round 1, number 2. The item has its
three cleartext attributes and the four of the envelope (`content_encrypted` is shown below), each of its type
and length, and no other:

```json
{form}
```

**2. The address** (layer `address`) follows from `pk` and `sk`, never from the item:

{block("address", address)}
Its SHA-256 is the associated data. `aad_hash` must be the hex of it, and it is:

{block("aad", bytes.fromhex(aad))}
**3. The key** (layer `key`). `key_id` is `{item["key_id"]}`: this dialogue, version 1, which is among
`input.deks`:

{block("key", bytes.fromhex(dek))}
**4. The tag** (layer `tag`). `content_nonce`, and `content_encrypted` taken apart: all but the last 16 bytes
are ciphertext, those are the tag.

{block("nonce", bytes.fromhex(nonce))}
{block("ciphertext", sealed[:-16])}
{block("tag", sealed[-16:])}
AES-256-GCM with this key, nonce, associated data and tag gives the plaintext:

{block("plaintext", plaintext)}
**5. The payload** (layer `payload`). Parsed and written again as canonical JSON it is the same bytes; it has
exactly the sealed fields of a perspective, each of its type. So the item opens, and `expected.fields` is:

```json
{fields}
```
"""


def written() -> str:
    """The document with the worked case as the vector has it."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{rendered(vector())}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(), encoding="utf-8")
