"""Liars for profile core: the executable specification with one thing wrong.

None of them looks for a name, a text or a number that the suite uses: each lies on ordinary input.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from typing import Any

from conformance.model.partition import Partition
from conformance.model.store import ModelStore
from reference_impl.contract.entities import (
    Claim,
    Dialogue,
    DialoguePartition,
    Evidence,
    Expert,
    Move,
    Perspective,
    Ref,
    Round,
    Signal,
    Tension,
    Verdict,
    plain,
)
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.tables import METHODS
from reference_impl.contract.timestamps import after

from . import all_rules
from .kit.lie import lie
from .kit.meddling import REGISTRATIONS, Hand
from .kit.touched import touched

__all__ = ["NullStore"]


def _commit(partition: Partition, time: str) -> None:
    """One write more, of a liar's own."""
    partition.revision += 1
    partition.updated_at = time


# -- the null store (the other trivial liars are in trivial.py) ----------------------------------------


def _nothing(name: str) -> Any:
    def method(self: ModelStore, dialogue_id: Any = None, *args: Any, **kwargs: Any) -> None:
        del self, dialogue_id, args, kwargs

    method.__name__ = name
    return method


@lie("core", *all_rules("core"), null=True)
class NullStore(ModelStore):
    """Does nothing: every method returns None."""


for _name, _method in METHODS.items():
    if _method.profile in ("core", "batch"):
        setattr(NullStore, _name, _nothing(_name))


# -- reads ---------------------------------------------------------------------------------------------


@lie(
    "core",
    "STORE-23",
    "STORE-18",
    also=touched("STORE-04", "STORE-19", "STORE-21"),
)
class ForgetsATension(ModelStore):
    """get_tensions leaves out the last of several tensions."""

    def get_tensions(self, dialogue_id: str) -> list[Tension]:
        found = super().get_tensions(dialogue_id)
        return found[:-1] if len(found) > 1 else found

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        whole = super().load_partition(dialogue_id, on_error)
        return dataclasses.replace(whole, tensions=super().get_tensions(dialogue_id))


@lie("core", "STORE-05")
class VerdictsAsInserted(ModelStore):
    """Gives verdicts back in the order in which they were written."""

    def get_verdicts(self, dialogue_id: str) -> list[Verdict]:
        return sorted(super().get_verdicts(dialogue_id), key=lambda one: one.created_at)

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        whole = super().load_partition(dialogue_id, on_error)
        return dataclasses.replace(whole, verdicts=self.get_verdicts(dialogue_id))


@lie("core", "STORE-19")
class LeaksByPrefix(ModelStore):
    """Finds a dialogue's claims by the beginning of its id."""

    def get_claims(self, dialogue_id: str) -> list[Claim]:
        own = super().get_claims(dialogue_id)
        for other in sorted(self.state.partitions):
            if other != dialogue_id and other.startswith(dialogue_id):
                own += super().get_claims(other)
        return own


@lie("core", "STORE-20", "STORE-14", "ERR-02")
class AnswersAfterClose(ModelStore):
    """Goes on answering when it is closed."""

    def close(self) -> None:
        pass


@lie("core", "STORE-18", "STORE-20", also=touched("STORE-04", "STORE-16", "STORE-23"))
class ForgetsOnReopen(ModelStore):
    """Keeps everything in the opened store alone, so that no other client finds it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del kwargs
        super().__init__(*args)


@lie("core", "STORE-01")
class RoundsWithoutMarker(ModelStore):
    """Gives rounds back as plain objects without the marker."""

    def get_rounds(self, dialogue_id: str) -> list[Round]:
        found: Any = [plain(one) for one in super().get_rounds(dialogue_id)]
        return list(found)


# -- writes --------------------------------------------------------------------------------------------


@lie("core", "ADDR-02", "ADDR-08", also=touched("STORE-23"))
class CountsAcrossRounds(Partition):
    """Counts seq over all rounds of a dialogue."""

    def next_number(self, kind: str, round: int) -> int:
        return 1 + len(self.of_kind(kind))


@lie("core", "STORE-07")
class RenewsARef(ModelStore):
    """A repeated ref gets a new created_at."""

    def register_ref(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Ref:
        revisions = [one.revision for one in self.state.partitions.values()]
        made = super().register_ref(dialogue_id, *args, **kwargs)
        if revisions != [one.revision for one in self.state.partitions.values()]:
            return made
        partition = self.state.partitions[dialogue_id]
        time = self.state.time_of_write(partition)
        for ref in partition.refs:
            if (ref["source_id"], ref["ref_type"], ref["target_id"]) == (
                made.source_id,
                made.ref_type,
                made.target_id,
            ):
                ref["created_at"] = time
        _commit(partition, time)
        return dataclasses.replace(made, created_at=time)


@lie("core", "STORE-08", also=touched("STORE-12", "STORE-23"))
class UpdatesWithoutEvent(ModelStore):
    """A change of a tension's status leaves no event."""

    def update_tension_status(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Tension:
        changed = super().update_tension_status(dialogue_id, *args, **kwargs)
        self.state.partitions[dialogue_id].events.pop()
        return changed


@lie("core", "ADDR-09", "STORE-08")
class EventOneMicrosecondLate(ModelStore):
    """The event of a status change is one microsecond later than the change."""

    def update_perspective_status(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Perspective:
        changed = super().update_perspective_status(dialogue_id, *args, **kwargs)
        partition = self.state.partitions[dialogue_id]
        late = after(partition.updated_at)
        partition.events[-1].update(timestamp=late, created_at=late)
        partition.updated_at = late
        return changed


@lie("core", "STORE-09", also=touched("ADDR-08", "STORE-23"))
class CountsRoundsInstead(ModelStore):
    """total_rounds is the number of rounds, not the highest + 1."""

    def create_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Round:
        made = super().create_round(dialogue_id, *args, **kwargs)
        partition = self.state.partitions[dialogue_id]
        partition.dialogue["total_rounds"] = len(partition.rounds)
        return made


@lie("core", "STORE-10", "STORE-04", "ADDR-09")
class FinalVerdictInTwoWrites(ModelStore):
    """A final verdict is written first, and the dialogue converged by a second commit."""

    def register_verdict(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Verdict:
        made = super().register_verdict(dialogue_id, *args, **kwargs)
        if made.verdict_type == "final":
            partition = self.state.partitions[dialogue_id]
            time = self.state.time_of_write(partition)
            partition.dialogue.update(converged_at=time, updated_at=time)
            _commit(partition, time)
        return made


@lie("core", "ADDR-09", also=touched("STORE-23"))
class TouchesTheDialogue(ModelStore):
    """Every new tension moves the dialogue's updated_at."""

    def register_tension(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Tension:
        made = super().register_tension(dialogue_id, *args, **kwargs)
        self.state.partitions[dialogue_id].dialogue["updated_at"] = made.created_at
        return made


@lie("core", "STORE-06", "STORE-14", "ERR-02")
class CreatesRounds(ModelStore):
    """A claim in a round that is not there creates the round."""

    def register_claim(self, dialogue_id: str, round: int, *args: Any, **kwargs: Any) -> Claim:
        try:
            return super().register_claim(dialogue_id, round, *args, **kwargs)
        except DialogueStoreError as refused:
            if refused.code != "round_not_found":
                raise
            self.create_round(dialogue_id, round)
            return super().register_claim(dialogue_id, round, *args, **kwargs)


@lie(
    "core",
    "STORE-04",
    also=dict.fromkeys(
        ("ADDR-01", "ADDR-08", "ADDR-09", "STORE-07", "STORE-12", "STORE-14", "STORE-15"),
        "a refusal that leaves a trace is seen where the rule's refusals must leave none",
    ),
)
class CountsAttempts(ModelStore):
    """A refused registration of an expert counts as a revision."""

    def register_expert(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Expert:
        try:
            return super().register_expert(dialogue_id, *args, **kwargs)
        except DialogueStoreError:
            for name, partition in self.state.partitions.items():
                partition.revision += name == dialogue_id
            raise


@lie("core", "STORE-24")
class SortsReferences(Hand):
    """Keeps the references of an entity sorted and without repeats."""

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        if method not in REGISTRATIONS:
            return made
        seen = {(one["type"], one["target"]): one for one in made.references}
        kept = [seen[key] for key in sorted(seen)]
        entity = self.home(given).entity(made.display_id)
        assert entity is not None
        entity["references"] = [dict(one) for one in kept]
        return dataclasses.replace(made, references=kept)


@lie("core", "ADDR-07", "ADDR-09")
class SignalsInLocalForm(ModelStore):
    """Writes the time of a signal with an offset instead of Z."""

    def record_convergence_signal(
        self, dialogue_id: str, round: int, expert_slug: str, *, request_id: str | None = None
    ) -> Signal:
        super().record_convergence_signal(dialogue_id, round, expert_slug, request_id=request_id)
        for one in self.state.partitions[dialogue_id].signals:
            one["created_at"] = one["created_at"].replace("Z", "+00:00")
        return super().record_convergence_signal(dialogue_id, round, expert_slug)


# -- values --------------------------------------------------------------------------------------------


@lie("core", "STORE-12")
class NormalisesUnicode(ModelStore):
    """Keeps the content of a perspective in normal form C."""

    def register_perspective(
        self, dialogue_id: str, round: int, label: str, content: str, *args: Any, **kwargs: Any
    ) -> Perspective:
        if isinstance(content, str):
            content = unicodedata.normalize("NFC", content)
        return super().register_perspective(dialogue_id, round, label, content, *args, **kwargs)


@lie("core", "STORE-12", also=touched("STORE-14"))
class ReplacesSurrogates(ModelStore):
    """Takes a lone surrogate in a move's context and keeps a question mark for it."""

    def register_move(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Move:
        if isinstance(kwargs.get("context"), str):
            kwargs["context"] = kwargs["context"].encode("utf-8", "replace").decode("utf-8")
        return super().register_move(dialogue_id, *args, **kwargs)


@lie("core", "STORE-12")
class EmptyIsNull(ModelStore):
    """An empty question is no question."""

    def create_dialogue(
        self, dialogue_id: str, title: str, question: str | None = None, *args: Any, **kwargs: Any
    ) -> Dialogue:
        return super().create_dialogue(dialogue_id, title, question or None, *args, **kwargs)


@lie("core", "STORE-11", "STORE-12")
class ScoresAsFloats(ModelStore):
    """Gives an expert's total score back as a float."""

    def get_experts(self, dialogue_id: str) -> list[Expert]:
        found = super().get_experts(dialogue_id)
        total: Any = float
        return [dataclasses.replace(one, total_score=total(one.total_score)) for one in found]

    def load_partition(self, dialogue_id: str, on_error: str = "fail") -> DialoguePartition:
        whole = super().load_partition(dialogue_id, on_error)
        return dataclasses.replace(whole, experts=self.get_experts(dialogue_id))


@lie("core", "STORE-21")
class KeepsWhatItWasGiven(ModelStore):
    """Keeps the list of contributors itself, not a copy."""

    def register_evidence(
        self,
        dialogue_id: str,
        round: int,
        label: str,
        content: str,
        contributors: Any,
        references: Any = (),
        *,
        request_id: str | None = None,
    ) -> Evidence:
        made = super().register_evidence(
            dialogue_id, round, label, content, contributors, references, request_id=request_id
        )
        if isinstance(contributors, list):
            self.state.partitions[dialogue_id].evidence[-1]["contributors"] = contributors
        return made


@lie("core", "STORE-15")
class SmallItemsOnly(ModelStore):
    """Refuses a content of more than 256 KiB."""

    def register_perspective(
        self, dialogue_id: str, round: int, label: str, content: str, *args: Any, **kwargs: Any
    ) -> Perspective:
        made = super().register_perspective(dialogue_id, round, label, content, *args, **kwargs)
        if len(content) > 256 * 1024:
            raise error("item_too_large", "too much")
        return made


# -- refusals ------------------------------------------------------------------------------------------


@lie("core", "STORE-14")
class StopsAtTheFirstFinding(ModelStore):
    """Lists one finding where there are several."""

    def register_claim(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Claim:
        try:
            return super().register_claim(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            del refused.data.get("findings", [])[1:]
            raise


@lie("core", "STORE-06", "ERR-02", also=touched("STORE-14", "STORE-18"))
class OneCodeForAllThatIsMissing(ModelStore):
    """Says entity_not_found for an unknown expert."""

    def update_expert_score(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Expert:
        try:
            return super().update_expert_score(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            if refused.code == "expert_not_found":
                raise error("entity_not_found", "no such expert", **refused.data) from None
            raise


@lie("core", "ERR-01")
class AlwaysRetryable(ModelStore):
    """Says of a duplicate that the same call may succeed later."""

    def register_expert(self, dialogue_id: str, *args: Any, **kwargs: Any) -> Expert:
        try:
            return super().register_expert(dialogue_id, *args, **kwargs)
        except DialogueStoreError as refused:
            refused.retryable = True
            raise


@lie("core", "STORE-08", also=touched("STORE-14"))
class TakesTheSameStatus(ModelStore):
    """Takes the status that a perspective already has."""

    def update_perspective_status(
        self, dialogue_id: str, entity_id: str, status: str, *args: Any, **kwargs: Any
    ) -> Perspective:
        try:
            return super().update_perspective_status(
                dialogue_id, entity_id, status, *args, **kwargs
            )
        except DialogueStoreError as refused:
            if refused.code != "invalid_status_transition" or refused.data["from"] != status:
                raise
            return next(p for p in self.get_perspectives(dialogue_id) if p.display_id == entity_id)


@lie("core", "ADDR-02")
class ReadsFullWidthDigits(ModelStore):
    """Takes a display id in any compatible spelling."""

    def update_claim_status(
        self, dialogue_id: str, entity_id: str, status: str, *, request_id: str | None = None
    ) -> Claim:
        if isinstance(entity_id, str):
            entity_id = unicodedata.normalize("NFKC", entity_id)
        return super().update_claim_status(dialogue_id, entity_id, status, request_id=request_id)


@lie("core", "ADDR-01", also={"STORE-05": "lists by slug show the slugs that it changed"})
class IgnoresCase(ModelStore):
    """Takes two slugs that differ in case for one expert."""

    def register_expert(
        self, dialogue_id: str, expert_slug: str, *args: Any, **kwargs: Any
    ) -> Expert:
        if isinstance(expert_slug, str):
            expert_slug = expert_slug.lower()
        return super().register_expert(dialogue_id, expert_slug, *args, **kwargs)
