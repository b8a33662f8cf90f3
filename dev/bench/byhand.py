"""The limit: the same content encrypted and stored by a few lines written by hand for nothing else.

One sealed value for each item, one kept cipher object, the address digest as additional data: what
any encrypted store has to do at least. No types, no head, no checks but the tag, no retries.
"""

from __future__ import annotations

import os
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .workload import Document

__all__ = ["DynamoByHand", "HandWritten", "SqliteByHand"]

_NONCE_BYTES = 12
_PK = "dialogue#bench"
#: Where the timed writes go: after everything else, so that they can be taken out again.
_ADDED = "~"


class HandWritten(Protocol):
    """What a contest asks of the hand-written side."""

    def fill(self, documents: list[Document]) -> None:
        """Store the documents that :meth:`load` will give."""

    def load(self) -> list[Document]:
        """Timed: every document, opened and decoded."""

    def put(self, document: Document) -> None:
        """Timed: one more document, sealed and committed by itself."""

    def forget(self) -> None:
        """Remove what :meth:`put` stored."""

    def close(self) -> None:
        """Let go of the engine."""


class _Sealer:
    def __init__(self) -> None:
        cipher = AESGCM(AESGCM.generate_key(256))
        self._encrypt, self._decrypt = cipher.encrypt, cipher.decrypt

    def seal(self, sk: str, document: Document) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        aad = sha256(f"{_PK}/{sk}".encode()).digest()
        return nonce + self._encrypt(nonce, orjson.dumps(document), aad)

    def open(self, sk: str, sealed: bytes) -> Document:
        aad = sha256(f"{_PK}/{sk}".encode()).digest()
        plain = self._decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad)
        document: Document = orjson.loads(plain)
        return document


class SqliteByHand:
    """One table (pk, sk, sealed) in a file of its own: WAL, ``synchronous=FULL``."""

    def __init__(self, path: Path) -> None:
        self._sealer = _Sealer()
        self._added = 0
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE items (pk TEXT, sk TEXT, sealed BLOB, PRIMARY KEY (pk, sk)) WITHOUT ROWID"
        )

    def fill(self, documents: list[Document]) -> None:
        rows = [(_PK, sk, self._sealer.seal(sk, document)) for sk, document in _keyed(documents)]
        self._connection.executemany("INSERT INTO items VALUES (?, ?, ?)", rows)

    def load(self) -> list[Document]:
        rows = self._connection.execute(
            "SELECT sk, sealed FROM items WHERE pk = ? ORDER BY sk", (_PK,)
        ).fetchall()
        unseal = self._sealer.open
        return [unseal(sk, sealed) for sk, sealed in rows]

    def put(self, document: Document) -> None:
        self._added += 1
        sk = f"{_ADDED}{self._added:06d}"
        sealed = self._sealer.seal(sk, document)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO items VALUES (?, ?, ?)", (_PK, sk, sealed))
        self._connection.execute("COMMIT")

    def forget(self) -> None:
        self._connection.execute("DELETE FROM items WHERE pk = ? AND sk >= ?", (_PK, _ADDED))

    def checkpoint(self) -> None:
        """Empty the write-ahead log, so that nobody's turn pays for it."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()


class DynamoByHand:
    """Items {pk, sk, sealed} in a table of the same form as the store's, through a boto3 client."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._sealer = _Sealer()
        self._added: list[str] = []
        self._client = client
        self._table = table_name

    def fill(self, documents: list[Document]) -> None:
        for sk, document in _keyed(documents):
            self._put(sk, document)

    def load(self) -> list[Document]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": _PK}},
        }
        unseal = self._sealer.open
        documents: list[Document] = []
        while True:
            page = self._client.query(**request)
            documents += [unseal(item["sk"]["S"], item["sealed"]["B"]) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return documents
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def put(self, document: Document) -> None:
        sk = f"{_ADDED}{len(self._added):06d}"
        self._added.append(sk)
        self._put(sk, document)

    def forget(self) -> None:
        for sk in self._added:
            key = {"pk": {"S": _PK}, "sk": {"S": sk}}
            self._client.delete_item(TableName=self._table, Key=key)
        self._added = []

    def close(self) -> None:
        self._client.close()

    def _put(self, sk: str, document: Document) -> None:
        sealed = self._sealer.seal(sk, document)
        item = {"pk": {"S": _PK}, "sk": {"S": sk}, "sealed": {"B": sealed}}
        self._client.put_item(TableName=self._table, Item=item)


def _keyed(documents: list[Document]) -> list[tuple[str, Document]]:
    return [(f"{document['type']}#{document['seq']:06d}", document) for document in documents]
