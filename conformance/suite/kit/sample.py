"""One dialogue with every type in it, written once and laid out by tests as they need it.

Its sealed texts are in a language that no error message speaks, so that none is there by chance.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import TYPES

from ...running.session import Session, World
from .builders import PARTITION_LISTS
from .forge import ENVELOPE, Forge, Item, Raw, index_attributes, kind_of, sealed_texts

__all__ = [
    "PERSPECTIVE",
    "PERSPECTIVE_EVENT",
    "PK",
    "REF",
    "SAMPLE_ID",
    "SEALED",
    "SIGNAL",
    "TENSION_EVENT",
    "Sample",
    "by_sort_key",
    "lasting_world",
    "may_be_seen",
    "sort_key",
    "texts_of",
    "write_sample",
]

SAMPLE_ID = "sample"
PK = f"dialogue#{SAMPLE_ID}"

PERSPECTIVE = "perspective#01#01"
REF = "ref#P0102#refine#P0101"
SIGNAL = "signal#01#anne"
#: Sort keys with a time in them, found by their beginning.
TENSION_EVENT = "event#tension#T0101#"
PERSPECTIVE_EVENT = "event#perspective#P0101#"
#: One item of every sealed type, the dek and the head left out.
SEALED = (
    "meta",
    "expert#anne",
    "round#01",
    "verdict#v-1",
    PERSPECTIVE,
    "tension#01#01",
    "recommendation#01#01",
    "evidence#01#01",
    "claim#01#01",
    "move#01#anne#01",
    PERSPECTIVE_EVENT,
    TENSION_EVENT,
    "event#recommendation#R0101#",
)


def write_sample(store: DialogueStore, raw: Raw) -> Sample:
    """Write the sample through public methods and take down what lies there, and what lay there
    before its last changes."""
    d = SAMPLE_ID
    store.create_dialogue(
        d,
        "Nebbia sul molo",
        question="Chi suona la campana?",
        background={"subject": "Traghetto delle sette", "situation": "Attracco sospeso"},
        domain_id="harbour",
    )
    store.create_round(d, 1, score=7, title="Prima guardia")
    store.register_expert(d, "anne", "Guardiana del faro", "Core", relevance=0.25, first_round=1)
    store.register_expert(d, "bob", "Nostromo", "Wildcard", description="Voce possente")
    common: dict[str, Any] = {"round": 1, "contributors": ["anne", "bob"]}
    store.register_perspective(d, label="Arriva nebbia", content="Tutto grigio laggiù.", **common)
    store.register_perspective(
        d,
        label="Nebbia fitta",
        content="Ormai tutto bianco.",
        references=[{"type": "refine", "target": "P0101"}],
        **common,
    )
    store.register_tension(d, label="Salpare o no", description="Metà vuole salpare.", **common)
    store.register_recommendation(
        d,
        label="Suonare il corno",
        content="Ogni due minuti.",
        parameters={"intervallo": 2.5, "segnali": ["lungo squillo", "breve squillo"]},
        **common,
    )
    store.register_evidence(d, label="Udito da tutti", content="Rintocchi a nord.", **common)
    store.register_claim(d, label="Una boa", content="Nessuna nave suona così.", **common)
    store.register_move(d, 1, "anne", "challenge", ["P0101"], context="Visto di peggio")
    store.register_verdict(
        d,
        "v-1",
        "interim",
        1,
        "Restare ormeggiati",
        "Finché non schiarisce.",
        author_expert="anne",
        conditions=["ancora salda"],
        vote="due a uno",
        confidence="split",
        supporting_experts=["anne"],
        tensions_accepted=["T0101"],
        ethos_compliance={
            "fully_compliant": True,
            "exceptions": ["il corno di notte"],
            "violations": [],
        },
    )
    store.record_convergence_signal(d, 1, "anne")
    older = {item["sk"]: dict(item) for item in raw.scan(d)}
    store.record_expert_response(d, "anne", 1, "Resterei anche io.")
    store.update_tension_status(d, "T0101", "addressed", ["judge"], 1, reason="Chiesto a tutti")
    store.update_dialogue_status(d, "converging")
    items = [dict(item) for item in raw.scan(d)]
    stored = {item["sk"] for item in items}
    for sk in (*SEALED, REF, SIGNAL, "dek#1", "head"):
        assert any(found.startswith(sk) for found in stored), f"expected {sk} in the storage"
    return Sample(items, older)


@dataclass(frozen=True)
class Sample:
    """The stored items of the sample dialogue, and those of an earlier revision by sort key."""

    items: list[Item]
    older: dict[str, Item]

    def forge(self) -> Forge:
        """The toolkit over a copy of the items."""
        return Forge(SAMPLE_ID, self.items)

    def texts(self) -> list[str]:
        """Every sealed text of the sample."""
        return list(texts_of(self.forge()))

    def seen(self) -> list[str]:
        """What may be seen of them."""
        return may_be_seen(self.items)

    def key(self, sk: str) -> str:
        """The sort key that begins with ``sk`` where it ends in ``#`` (it goes on with a time)."""
        if not sk.endswith("#"):
            return sk
        return min(str(item["sk"]) for item in self.items if item["sk"].startswith(sk))


def texts_of(made: Forge) -> Iterator[str]:
    """Every sealed text of a dialogue.

    The head's two digests are left out: ``audit_head`` stands on the audit chain in clear, and
    eight hex digits of ``sum`` are four bytes, which lie among many digests by chance.
    """
    for sk in made.sealed():
        if sk != "head":
            yield from sealed_texts(made.payload(sk))


def may_be_seen(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """What ENV-05 lets be seen of stored items: names of fields and of their members, keys, and the
    values of the attributes that the contract keeps in clear."""
    fields = [field for kind in TYPES.values() for field in kind.fields]
    texts = [text for field in fields for text in (field.name, field.type)]
    for item in items:
        kind, _ = kind_of(item["sk"])
        texts += [item["pk"], item["sk"]]
        texts += [str(item[f.name]) for f in kind.cleartext_fields if f.name in item]
        for name, value in index_attributes(item["pk"], item["sk"], item).items():
            texts += [name, value]
        texts += [*ENVELOPE, "pk", "sk"]
        texts += [str(item[name]) for name in ("key_id", "aad_hash") if name in item]
    return texts


def sort_key(entity: str, member: Mapping[str, Any]) -> str:
    """The sort key of an entity as a read gave it."""
    return TYPES[entity].sk.format(**member)


def by_sort_key(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The entities of a partition, as ``load_partition`` gave it, by sort key."""
    letters = {"P": "perspective", "T": "tension", "R": "recommendation"}
    out = {} if whole["dialogue"] is None else {"meta": whole["dialogue"]}
    for name in PARTITION_LISTS:
        for member in whole[name]:
            entity = {"evidence": name}.get(name, name.removesuffix("s"))
            if entity == "event":
                entity = f"{letters[member['entity_id'][0]]}_event"
            out[sort_key(entity, member)] = member
    return out


@contextmanager
def lasting_world(session: Session) -> Iterator[World]:
    """Storage that serves many cases of a module, each of which leaves it as it was or lays it out
    anew. Nothing is opened or written before a test asks."""
    with tempfile.TemporaryDirectory(prefix="dsconf-") as folder:
        world = World(session.target, Path(folder))
        try:
            yield world
        finally:
            world.close_all()
