"""Liars whose whole rounds do not hold to what the single writes hold to, or are remembered by half."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from conformance.model.findings import Findings
from conformance.model.state import State
from conformance.model.store import ModelStore
from reference_impl.contract.entities import RoundRegistration
from reference_impl.contract.errors import DialogueStoreError

from .idempotency import Call, on_every_write
from .kit.lie import lie
from .kit.touched import touched

__all__: list[str] = []


# -- values (STORE-12) ---------------------------------------------------------------------------------


def _each(kwargs: dict[str, Any], name: str, member: str, change: Any) -> dict[str, Any]:
    """The arguments, with a member of each entry of a list changed."""
    entries = [
        {**one, member: change(one[member])} if isinstance(one, dict) and member in one else one
        for one in kwargs.get(name) or ()
    ]
    return {**kwargs, name: entries} if name in kwargs else kwargs


@lie("batch", "STORE-12", also={"STORE-13": "its tests give what is no list of claims"})
class TrimsLabelsOfRounds(ModelStore):
    """Takes the blanks around the labels of a round's claims away."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        def trimmed(value: Any) -> Any:
            return value.strip() or value if isinstance(value, str) else value

        return super().register_round(
            dialogue_id, *args, **_each(kwargs, "claims", "label", trimmed)
        )


@lie("batch", "STORE-12")
class EmptyContextsOfRounds(ModelStore):
    """An empty context of a round's move is none."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        changed = _each(kwargs, "moves", "context", lambda value: value or None)
        return super().register_round(dialogue_id, *args, **changed)


@lie("batch", "STORE-12", also={"STORE-13": "its tests compare the events of a whole round"})
class ActorsOfRoundsOnce(ModelStore):
    """Keeps each actor of a round's change of status once."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        changed = _each(kwargs, "status_updates", "actors", _members_once)
        return super().register_round(dialogue_id, *args, **changed)


def _members_once(value: Any) -> Any:
    texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return list(dict.fromkeys(value)) if texts else value


@lie("batch", "STORE-12")
class ContributorsOfRoundsOnce(ModelStore):
    """Keeps each contributor of a round's evidence once."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        changed = _each(kwargs, "evidence", "contributors", _members_once)
        return super().register_round(dialogue_id, *args, **changed)


@lie("batch", "STORE-12")
class AThousandTargetsOfRounds(ModelStore):
    """Keeps the first thousand targets of a round's move."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        def first(value: Any) -> Any:
            return value[:1000] if isinstance(value, list) else value

        return super().register_round(
            dialogue_id, *args, **_each(kwargs, "moves", "targets", first)
        )


@lie("batch", "STORE-12")
class FoldsNamesOfRounds(ModelStore):
    """Keeps one of the members of a round's parameters whose names differ in case only."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        def folded(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            kept: dict[str, str] = {}
            for name in value:
                kept.setdefault(str(name).casefold(), name)
            return {name: value[name] for name in kept.values()}

        changed = _each(kwargs, "recommendations", "parameters", folded)
        return super().register_round(dialogue_id, *args, **changed)


@lie("batch", "STORE-24", also={"STORE-13": "its tests count a repeated reference among the refs"})
class ReferencesOfRoundsOnce(ModelStore):
    """Keeps each reference of a round's entity once."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        def once(value: Any) -> Any:
            if not isinstance(value, list):
                return value
            return [one for at, one in enumerate(value) if one not in value[:at]]

        for name in ("perspectives", "claims"):
            kwargs = _each(kwargs, name, "references", once)
        return super().register_round(dialogue_id, *args, **kwargs)


@lie("batch", "STORE-11")
class RoundsByOneDigit(ModelStore):
    """A whole round 10 puts an expert's score and response under round 1 where these are."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        made = super().register_round(dialogue_id, *args, **kwargs)
        own, first = f"{made.round:02d}", f"{made.round // 10:02d}"
        for expert in self.state.partitions[dialogue_id].experts:
            for kept in (expert["scores"], expert["raw_content"]):
                if made.round >= 10 and own in kept and first in kept:
                    kept[first] = kept.pop(own)
        return made


# -- checks (STORE-13) ---------------------------------------------------------------------------------


class _SelfDepends(Findings):
    """Finds nothing wrong with what depends on itself."""

    def add(self, group: int, code: str, field: str, what: str, **data: Any) -> None:
        if what != "is the source itself" or not field.startswith("tensions"):
            super().add(group, code, field, what, **data)


@lie("batch", "STORE-13")
class TensionsOfThemselves(State):
    """Takes a tension of a whole round that is one of its own references."""

    def findings(self, method: str) -> Findings:
        return _SelfDepends()


# -- limits (ADDR-08) ----------------------------------------------------------------------------------


@lie("batch", "ADDR-08", also={"STORE-13": "its tests fill a round that single writes go on with"})
class AHundredRecommendations(State):
    """Takes the hundredth recommendation of a round."""

    def findings(self, method: str) -> Findings:
        found = super().findings(method)
        if method == "register_recommendation":
            found.max_seq = 100
        return found


@lie("batch", "ADDR-08", also=touched("STORE-14"))
class ClaimsEndAtNinetyEight(State):
    """Refuses the ninety-ninth claim of a round."""

    def findings(self, method: str) -> Findings:
        found = super().findings(method)
        if method == "register_claim":
            found.max_seq = 98
        return found


@lie("batch", "STORE-13")
class NineHundredAndNinetyEightRefs(ModelStore):
    """Refuses a round of 999 refs."""

    def register_round(self, dialogue_id: str, *args: Any, **kwargs: Any) -> RoundRegistration:
        refs = kwargs.get("refs")
        if isinstance(refs, list) and len(refs) == 999:
            kwargs["refs"] = [*refs, refs[0]]
        return super().register_round(dialogue_id, *args, **kwargs)


# -- requests (STORE-22) -------------------------------------------------------------------------------


def _without(*names: str) -> Any:
    """Remembers the input without these parameters."""

    def answer(call: Call) -> Any:
        known = call.kept("_given")
        whole = {name: call.given[name] for name in names if name in call.given}
        if call.is_known and call.key in known:
            call.given.update(known[call.key])
        made = call.made()
        known.setdefault(call.key, whole)
        return made

    return answer


@lie("idempotency", "STORE-22")
@on_every_write(_without("signals", "responses"))
class ForgetsResponsesOfARequest(ModelStore):
    """Does not count a round's responses and signals among its input."""


@lie("idempotency", "STORE-22")
@on_every_write(_without("result_id"))
class ForgetsTheResultOfARequest(ModelStore):
    """Does not count the result of a change of status among the input."""


def _sorted(call: Call) -> Any:
    known = call.kept("_lists")
    value: Any = call.given.get("contributors")
    texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
    if texts and call.is_known and sorted(known.get(call.key) or ()) == sorted(value):
        call.given["contributors"] = known[call.key]
    made = call.made()
    if texts:
        known.setdefault(call.key, value)
    return made


@lie("idempotency", "STORE-22")
@on_every_write(_sorted)
class RequestsOfSets(ModelStore):
    """Takes the same contributors in another order for the same input."""


class _ByBeginning(dict[str, Any]):
    """Requests that are found by the beginning of their id."""

    def get(self, name: Any, default: Any = None) -> Any:
        return next((self[one] for one in self if one.startswith(str(name))), default)


def _by_beginning(call: Call) -> Any:
    home = call.store.state.partitions.get(call.given.get("dialogue_id"))
    if home is not None and not isinstance(home.requests, _ByBeginning):
        home.requests = _ByBeginning(home.requests)
    return call.made()


@lie("idempotency", "STORE-22")
@on_every_write(_by_beginning)
class RequestsByTheirBeginning(ModelStore):
    """Finds a request by the beginning of a longer id."""


def _for_a_day(call: Call) -> Any:
    known, now = call.kept("_times"), call.store.state.clock()
    if call.is_known and now - known.get(call.key, now) > timedelta(days=1):
        del call.store.state.partitions[call.given["dialogue_id"]].requests[call.request_id]
    made = call.made()
    known.setdefault(call.key, now)
    return made


@lie("idempotency", "STORE-22")
@on_every_write(_for_a_day)
class RequestsOfADay(ModelStore):
    """Remembers a request for a day."""


def _alone(call: Call) -> Any:
    try:
        return call.made()
    except DialogueStoreError as refused:
        if refused.code == "request_mismatch":
            del refused.data["findings"][1:]
        raise


@lie("idempotency", "STORE-22", "STORE-14")
@on_every_write(_alone)
class MismatchesAlone(ModelStore):
    """Lists nothing beside the mismatch of a request."""
