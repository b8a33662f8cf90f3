"""The one table of faults: mutation -> layer that must catch it -> rules -> code.

Every negative vector names one of these. Layer and code of a vector are written from here by the
mutation's name and never taken from a run, so that no implementation is asked for its opinion on the way.
Sections are per family; a name is used in more than one family only where it is the same fault.
"""

from __future__ import annotations

from collections.abc import Iterable

from .recipe import Mutation

__all__ = ["MUTATIONS"]

_Row = tuple[str, str, tuple[str, ...]]


def _rows(layer: str, rows: Iterable[_Row], code: str = "integrity_error") -> dict[str, Mutation]:
    return {
        name: Mutation(layer=layer, code=code, rules=rules, what=what) for name, what, rules in rows
    }


# -- items (envelope, keys, and whatever holds items) ----------------------------------------------

_ENVELOPE = _rows(
    "envelope",
    [
        ("sort-key-form", "the sort key has no form of entities.json", ("ENV-06", "ADDR-04")),
        ("attribute-missing", "an attribute that must be there is not", ("ENV-06", "ADDR-05")),
        ("envelope-missing", "an attribute of the envelope is not there", ("ENV-06", "ENV-01")),
        ("attribute-added", "an attribute that the type does not have", ("ENV-06", "ADDR-05")),
        ("plaintext-planted", "a sealed field stands beside the envelope", ("ENV-06", "ADDR-05")),
        ("key-field-repeated", "a field of the key is an attribute as well", ("ENV-06", "ADDR-05")),
        ("attribute-type", "an attribute is of another type", ("ENV-06", "ADDR-05")),
        ("envelope-type", "an attribute of the envelope is of another type", ("ENV-06", "ENV-01")),
        ("nonce-length", "the nonce has not 12 bytes", ("ENV-06", "ENV-01")),
        ("ciphertext-short", "the ciphertext has less than 18 bytes", ("ENV-06",)),
        ("key-id-form", "key_id is not of its form", ("ENV-06", "ENV-01")),
        ("kek-id-form", "key_id of a dek item is not of its form", ("ENV-06", "KEY-05")),
        ("aad-hash-form", "aad_hash is not 64 lower-case hex digits", ("ENV-06", "ADDR-10")),
        ("commitment-form", "commitment is not 64 lower-case hex digits", ("ENV-06", "KEY-06")),
        ("cleartext-value", "a cleartext field is outside its range or set", ("ENV-06",)),
        ("timestamp-form", "a timestamp is not in its one form", ("ENV-06", "ADDR-07")),
        ("identifier-form", "a cleartext identifier is none", ("ENV-06", "ADDR-01")),
        (
            "index-attribute",
            "an index attribute does not follow from the item",
            ("ENV-06", "HEAD-06"),
        ),
        ("event-time", "created_at of an event is not its timestamp", ("ENV-06",)),
        ("ref-letter", "a type letter of a ref is not that of its id", ("ENV-06",)),
        (
            "nonce-repeated",
            "a nonce met before in the read, under the same key",
            ("ENV-06", "ENV-04"),
        ),
    ],
)

_ADDRESS = _rows(
    "address",
    [
        ("aad-hash-changed", "aad_hash is that of another address", ("ENV-06", "ENV-03")),
        (
            "envelope-of-another-place",
            "the envelope was sealed at another place",
            ("ENV-06", "ENV-03"),
        ),
        (
            "item-moved",
            "the item lies under another key than it was sealed for",
            ("ENV-06", "ENV-03"),
        ),
    ],
)

_KEY = _rows(
    "key",
    [
        ("key-id-of-another-dialogue", "key_id names another dialogue's key", ("ENV-06",)),
        ("key-version-missing", "key_id names a version that is not there", ("ENV-06",)),
        ("key-did-not-open", "a data key does not open, nor what names it", ("ENV-06", "ENV-07")),
        ("wrapped-key-damaged", "a bit of the wrapped key differs", ("ENV-06", "KEY-05")),
        ("wrapped-key-cut", "the wrapped key is cut", ("ENV-06", "KEY-05")),
        ("wrapped-key-aad", "the key was wrapped with other associated data", ("ENV-06", "ENV-03")),
        (
            "wrapped-key-kek",
            "the key was wrapped under another KEK than it names",
            ("ENV-06", "KEY-05"),
        ),
        ("commitment-changed", "the commitment is not that of the key", ("ENV-06", "KEY-06")),
        (
            "key-exchanged",
            "another data key is wrapped than the commitment's",
            ("ENV-06", "KEY-06"),
        ),
        (
            "commitment-reading",
            "the commitment is another reading of KEY-06",
            ("KEY-06", "ADDR-10"),
        ),
    ],
)
_KEY_OWNER = {
    **_rows(
        "key",
        [("user-differs", "u of key_id is another user's", ("KEY-08", "KEY-05"))],
        code="key_denied",
    ),
    **_rows(
        "key",
        [("umk-differs", "u fits and k is another KEK's", ("KEY-08", "KEY-05"))],
        code="umk_changed",
    ),
}

_TAG = _rows(
    "tag",
    [
        ("ciphertext-bit", "a bit of the ciphertext differs", ("ENV-06",)),
        ("tag-bit", "a bit of the tag differs", ("ENV-06", "ENV-01")),
        ("nonce-bit", "a bit of the nonce differs", ("ENV-06", "ENV-01")),
        ("sealed-bytes-cut", "bytes are cut from ciphertext and tag", ("ENV-06", "ENV-01")),
        ("sealed-bytes-added", "bytes are added to ciphertext and tag", ("ENV-06", "ENV-01")),
        ("tag-misplaced", "the tag is not the last 16 bytes", ("ENV-06", "ENV-01")),
        ("other-key", "sealed under another key than it names", ("ENV-06", "ENV-01")),
        ("other-cipher", "sealed with another cipher than AES-256-GCM", ("ENV-06", "ENV-04")),
        ("other-aad", "sealed with another reading of the associated data", ("ENV-06", "ENV-03")),
        (
            "ciphertext-of-another-item",
            "the ciphertext is that of another item",
            ("ENV-06", "ENV-03"),
        ),
        (
            "item-moved-and-readdressed",
            "moved, with the aad_hash of the new place",
            ("ENV-06", "ENV-03"),
        ),
        (
            "ciphertext-of-another-write",
            "the ciphertext is that of another write",
            ("ENV-06", "ENV-04"),
        ),
    ],
)

_PAYLOAD = _rows(
    "payload",
    [
        ("not-utf-8", "the bytes are not UTF-8", ("ENV-06", "ADDR-10")),
        ("surrogate", "the text holds a lone surrogate", ("ENV-06", "STORE-12")),
        ("not-json", "the text is not JSON", ("ENV-06", "ENV-02")),
        ("not-an-object", "the value is not an object", ("ENV-06", "ENV-02")),
        ("duplicate-key", "a key stands twice", ("ENV-06", "ENV-02")),
        ("unknown-key", "a key that the type does not have", ("ENV-06", "ENV-02")),
        ("key-missing", "a sealed field is not there", ("ENV-06", "ENV-02")),
        ("wrong-type", "a sealed field is of another type", ("ENV-06", "ENV-02")),
        ("not-nullable", "a field that must be set is null", ("ENV-06", "ENV-02")),
        ("required-empty", "a text that must not be empty is", ("ENV-06", "STORE-12")),
        (
            "member-form",
            "a member is not of the form that its place asks for",
            ("ENV-06", "ENV-02"),
        ),
        (
            "optional-member-null",
            "an unset optional member is null instead of absent",
            ("ENV-06", "ENV-02"),
        ),
        ("round-key-form", "a round key of a map is not two digits", ("ENV-06", "ENV-02")),
        ("number-range", "a number is beyond what a field may carry", ("ENV-06", "STORE-12")),
        ("nested-too-deep", "a value is nested deeper than 64", ("ENV-06", "STORE-12")),
        ("white-space", "white space between tokens", ("ENV-06", "ADDR-10")),
        ("byte-order-mark", "a byte order mark in front", ("ENV-06", "ADDR-10")),
        ("trailing-bytes", "bytes after the value", ("ENV-06", "ADDR-10")),
        ("key-order", "the keys are in another order", ("ENV-06", "ADDR-10")),
        ("number-spelling", "a number in another spelling", ("ENV-06", "ADDR-10")),
        ("escape-spelling", "a character in another spelling", ("ENV-06", "ADDR-10")),
        ("base64-spelling", "the key's base64 in another spelling", ("ENV-06", "ADDR-10")),
        ("key-size", "the wrapped key has not 32 bytes", ("ENV-06", "KEY-05")),
        ("algorithm-name", "the algorithm is not AES-256-GCM", ("ENV-06", "KEY-05")),
    ],
)

# -- keys, where no item is looked at --------------------------------------------------------------

# Whoever derives by another reading meets wrapped keys that name the KEK of the right one.
_DERIVATION = {
    **_rows(
        "key",
        [
            ("kek-reading", "another reading of HKDF-SHA256(UMK, user_id)", ("KEY-03", "KEY-08")),
            ("kms-reading", "another reading of what KMS is asked", ("KEY-04", "KEY-08")),
        ],
        code="umk_changed",
    ),
    **_rows(
        "input",
        [("user-id", "a user_id that none can have", ("KEY-03",))],
        code="invalid_field",
    ),
    **_rows(
        "input",
        [("umk-size", "a master key of other than 32 bytes", ("KEY-02", "KEY-04"))],
        code="key_malformed",
    ),
}

# -- identifiers, addresses, times: refused before they reach an item -------------------------------

_IDENTIFIERS = {
    **_rows(
        "input",
        [
            ("id-length", "an identifier of no or of more than 96 characters", ("ADDR-01",)),
            ("id-first", "an identifier that begins with a mark", ("ADDR-01",)),
            ("id-separator", "a separator inside an identifier", ("ADDR-01", "ADDR-04")),
            ("id-character", "a character that no identifier has", ("ADDR-01",)),
            ("id-look-alike", "a character that looks like an allowed one", ("ADDR-01",)),
            ("address-form", "no form of a canonical address", ("ADDR-03", "ADDR-04")),
            (
                "address-number",
                "a number in an address in another spelling",
                ("ADDR-04", "ADDR-10"),
            ),
            ("address-identifier", "a part of an address is no identifier", ("ADDR-01", "ADDR-04")),
            ("address-display-id", "a part of an address is no display id", ("ADDR-02", "ADDR-04")),
            ("address-timestamp", "a part of an address is no time", ("ADDR-04", "ADDR-07")),
        ],
        code="invalid_identifier",
    ),
    **_rows(
        "input",
        [
            ("display-letter", "a display id with the letter of no type", ("ADDR-02",)),
            ("display-number", "a display id with another spelling of a number", ("ADDR-02",)),
            ("display-length", "a display id of other than five characters", ("ADDR-02",)),
        ],
        code="invalid_display_id",
    ),
    **_rows(
        "input",
        [
            ("time-form", "a text that has not the form of a time", ("ADDR-07",)),
            ("time-offset", "an offset that is missing, unknown or out of range", ("ADDR-07",)),
            ("time-range", "a time that the calendar or the contract does not have", ("ADDR-07",)),
            ("time-not-canonical", "a time that is not in the one form", ("ADDR-07", "ADDR-10")),
        ],
        code="invalid_field",
    ),
}

# -- whole partitions ------------------------------------------------------------------------------

_SET = _rows(
    "head",
    [
        ("cleartext-changed", "a cleartext field is another valid value", ("HEAD-02", "HEAD-04")),
        ("cleartext-removed", "a nullable cleartext field is gone", ("HEAD-02", "HEAD-04")),
        ("head-cleartext-changed", "revision or time of the head differ", ("HEAD-02", "HEAD-04")),
        ("item-removed", "an item is not there any more", ("HEAD-02", "HEAD-04")),
        ("item-added", "an item that no commit brought", ("HEAD-02", "HEAD-04")),
        ("item-replayed", "an item is one of its earlier versions", ("HEAD-02", "HEAD-04")),
        ("head-removed", "the partition has items and no head", ("HEAD-04",)),
        ("head-replayed", "the head is an earlier one, the items are not", ("HEAD-02", "HEAD-04")),
        ("head-count", "the sealed count is not the number of items", ("HEAD-01", "HEAD-04")),
        ("head-sum", "the sealed sum is another number", ("HEAD-02", "HEAD-04")),
        ("head-sum-reading", "the sum is made by another reading", ("HEAD-02", "ADDR-10")),
        ("head-sum-spelling", "the sum is not 64 lower-case hex digits", ("HEAD-02", "ADDR-10")),
        ("pending-removed", "a journal's name was taken off too early", ("HEAD-07",)),
        ("pending-changed", "the head names a journal that is not there", ("HEAD-07",)),
        ("journal-part-removed", "a part of the journal is gone", ("HEAD-07",)),
        ("journal-changed", "the journal is not the one that was written", ("HEAD-07",)),
        ("journal-planted", "a journal that no commit wrote is named", ("HEAD-07",)),
        ("journal-form", "the journal is numbered, spelled or filled otherwise", ("HEAD-07",)),
        ("state-not-borne-out", "the chain knows of no move and no erasure", ("HEAD-01",)),
    ],
)

# Two places are hurt on purpose: what counts is which of the two is told.
_FIRST_OF_TWO = {
    **_rows(
        "tag",
        [
            ("two-items-tag-first", "a tag before another item's address", ("ENV-06",)),
            ("tag-and-set", "a tag of an item, and an item is missing", ("ENV-06",)),
        ],
    ),
    **_rows(
        "key",
        [("two-items-key-first", "a wrapped key before another item's form", ("ENV-06",))],
    ),
    **_rows("address", [("address-and-tag", "address and tag of one item", ("ENV-06",))]),
}

# -- audit chains ----------------------------------------------------------------------------------

_CHAIN = _rows(
    "chain",
    [
        ("partition-rolled-back", "all is as it was, but for the chain", ("AUDIT-09", "HEAD-04")),
        ("chain-removed", "a chain is not there at all", ("AUDIT-05", "AUDIT-09")),
        ("audit-head", "the head names another end of the write chain", ("HEAD-01", "AUDIT-04")),
        ("event-field", "a field of an event differs", ("AUDIT-02", "AUDIT-05")),
        ("event-hash", "an event's hash differs", ("AUDIT-02", "AUDIT-05")),
        ("event-mac", "an event's mac differs or is missing", ("AUDIT-02", "AUDIT-05")),
        ("event-reading", "hash or mac by another reading", ("AUDIT-02", "ADDR-10")),
        ("previous-hash-reading", "a chain begins by another reading", ("AUDIT-02",)),
        ("event-rehashed", "a field differs and the hash was made to fit", ("AUDIT-05",)),
        ("event-after-erasure", "an event stands behind an erasure", ("AUDIT-05", "KEY-09")),
        ("event-form", "an event is not as AUDIT-01 gives it", ("AUDIT-01", "AUDIT-05")),
        ("event-foreign", "an event of another dialogue or chain", ("AUDIT-05", "AUDIT-08")),
        ("event-moved", "an event lies under another key than its own", ("AUDIT-01", "AUDIT-05")),
        ("event-removed", "an event before the end is not there", ("AUDIT-05",)),
        ("event-doubled", "an event lies at two sequences", ("AUDIT-05",)),
        ("events-exchanged", "two events have each other's place", ("AUDIT-05",)),
        ("chain-forked", "all that follows an event was written anew", ("AUDIT-05",)),
        ("chain-cut", "the last events of a chain are not there", ("AUDIT-05",)),
        ("chain-extended", "an event follows that no write made", ("AUDIT-05",)),
        ("revision-falls", "the revision falls along a chain", ("AUDIT-09",)),
        ("state-and-event", "a false state, and a bad event at the chain's end", ("HEAD-01",)),
        ("note-changed", "a write's note names another tip", ("AUDIT-02", "AUDIT-05")),
        ("note-form", "a write's note names no tip", ("AUDIT-02", "AUDIT-05")),
        ("note-misplaced", "an event has a note that may have none", ("AUDIT-01", "AUDIT-05")),
        ("boundary-misplaced", "a boundary stands on a read chain", ("AUDIT-02", "AUDIT-05")),
        ("stranger-used-a-key", "another KEK's chain opened something", ("AUDIT-05", "KEY-08")),
    ],
)

_CHECKPOINT = {
    **_rows(
        "chain",
        [
            ("note-key", "the note names another key or name", ("AUDIT-07",)),
            ("note-signature", "the signature is none of this text by this key", ("AUDIT-07",)),
            ("note-line", "the note is not its text and one signature line", ("AUDIT-07",)),
            ("note-text", "the text differs from what was signed", ("AUDIT-07",)),
            ("note-form-signed", "what was signed is of another form", ("AUDIT-07", "ADDR-10")),
            ("note-of-another-dialogue", "the note is another dialogue's", ("AUDIT-07",)),
            (
                "set-back-with-chain",
                "the dialogue is set back with its chains",
                ("HEAD-05", "AUDIT-07"),
            ),
            ("chain-rewritten", "a key holder wrote another history", ("AUDIT-07", "HEAD-05")),
        ],
    ),
    **_rows(
        "input",
        [("signing-name", "a name that no signing key can have", ("AUDIT-07",))],
        code="invalid_field",
    ),
}

# -- migration -------------------------------------------------------------------------------------

_MIGRATION = {
    **_rows(
        "head",
        [
            ("digest-items", "the items are not those of the digest", ("MIG-01",)),
            ("digest-reading", "the digest by another reading", ("MIG-01", "ADDR-10")),
            ("batch-digest", "a batch misses its digest", ("MIG-03", "MIG-01")),
            ("batch-conflict", "another item lies there", ("MIG-03",)),
            ("batch-foreign", "a batch or an item of another dialogue", ("MIG-01", "MIG-03")),
        ],
    ),
    **_rows(
        "input",
        [("batch-form", "a batch is not as MIG-01 gives it", ("MIG-01",))],
        code="invalid_field",
    ),
    **_rows(
        "chain",
        [
            ("boundary-note", "a line of the boundary's note is another", ("MIG-02",)),
            ("boundary-signature", "the boundary's note is not signed so", ("MIG-02", "AUDIT-07")),
            ("boundary-event", "the event is not what its note says", ("MIG-02",)),
            ("boundary-skipped", "the next event does not name the boundary", ("MIG-02",)),
            ("boundary-differs", "the boundary is not the one that was given", ("MIG-02",)),
            ("boundaries-too-many", "nine boundaries with no write in between", ("AUDIT-09",)),
        ],
    ),
    **_rows(
        "chain",
        [("moved-by-chain", "the chain ends in a boundary to another name", ("MIG-02",))],
        code="partition_moved",
    ),
    **_rows(
        "head", [("state-frozen", "the partition is frozen", ("MIG-02",))], code="partition_frozen"
    ),
    **_rows(
        "head",
        [("state-importing", "the partition is being imported", ("MIG-02",))],
        code="partition_importing",
    ),
}

# -- erasure ---------------------------------------------------------------------------------------

_ERASURE = {
    **_rows(
        "chain",
        [
            ("erased", "the dialogue was erased", ("KEY-09",)),
            ("wrapped-key-put-back", "a wrapped key lies there again", ("KEY-09",)),
            ("item-put-back", "an item lies there again", ("KEY-09",)),
            ("head-put-back", "a head of before lies there again", ("KEY-09", "HEAD-01")),
            ("partition-put-back", "everything but the chain is as before", ("KEY-09",)),
            ("tombstone-removed", "the tombstone is gone", ("KEY-09", "AUDIT-09")),
            ("tombstone-changed", "the tombstone is not as it was written", ("KEY-09", "AUDIT-09")),
        ],
        code="key_erased",
    ),
}

# -- what is computed ------------------------------------------------------------------------------

_DOCUMENT = _rows(
    "input",
    [
        ("document-id", "the document is another dialogue's", ("GRAPH-06",)),
        ("document-gap", "a seq is skipped or used twice", ("GRAPH-06", "STORE-16")),
        ("document-member", "a member is missing, unknown or of another type", ("GRAPH-06",)),
        ("document-value", "a value that the contract refuses", ("GRAPH-06", "STORE-14")),
        ("document-reference", "something is named that is not there", ("GRAPH-06", "STORE-06")),
        ("document-twice", "something stands there twice", ("GRAPH-06", "STORE-07")),
        ("document-self-reference", "an entity refers to itself", ("GRAPH-06", "STORE-14")),
        ("document-not-canonical", "not canonical JSON and one LF", ("GRAPH-06", "ADDR-10")),
    ],
    code="validation_failed",
)

_NOT_THERE = _rows(
    "input",
    [("verdict-unknown", "a verdict that is not there", ("STORE-06",))],
    code="entity_not_found",
)

# -- what a store computes besides ------------------------------------------------------------------

_REQUEST = _rows(
    "input",
    [
        ("request-input", "a request id is used again with another input", ("STORE-22",)),
        ("request-hash-reading", "input_hash by another reading of STORE-22", ("STORE-22",)),
    ],
    code="request_mismatch",
)

_ROTATION = _rows(
    "input",
    [("too-many-keys", "64 wrapped keys stand already", ("KEY-07",))],
    code="limit_exceeded",
)

_BACKUP = {
    **_rows(
        "head",
        [
            ("backup-digest", "a backup is not as its manifest has it", ("MIG-06",)),
            ("backup-foreign", "a backup of another dialogue", ("MIG-06",)),
        ],
    ),
    **_rows(
        "input",
        [
            ("backup-form", "a backup is not of the form that one has", ("MIG-06",)),
            ("restore-elsewhere", "the chain's last boundary names another store", ("MIG-06",)),
        ],
        code="invalid_field",
    ),
    **_rows(
        "input",
        [("restore-known", "the dialogue is known here already", ("MIG-06",))],
        code="duplicate_entity",
    ),
    **_rows(
        "input", [("restore-erased", "the dialogue was erased here", ("MIG-06",))], "key_erased"
    ),
}

_SIZE = _rows(
    "input",
    [("item-size", "an item is larger than one may be", ("STORE-15",))],
    code="item_too_large",
)

#: mutation -> what catches it. Other families add their sections here.
MUTATIONS: dict[str, Mutation] = {
    **_IDENTIFIERS,
    **_ENVELOPE,
    **_ADDRESS,
    **_KEY,
    **_KEY_OWNER,
    **_TAG,
    **_PAYLOAD,
    **_DERIVATION,
    **_SET,
    **_FIRST_OF_TWO,
    **_CHAIN,
    **_CHECKPOINT,
    **_MIGRATION,
    **_ERASURE,
    **_DOCUMENT,
    **_NOT_THERE,
    **_REQUEST,
    **_SIZE,
    **_BACKUP,
    **_ROTATION,
}
