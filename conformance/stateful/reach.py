"""Which rules a history asks about, step by step: a rule that none has come to is not shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reference_impl.contract.tables import METHODS

from .blame import RULE_OF_CODE, RULE_OF_FIELD
from .history import CLOSE, OPEN, SWITCH, History, Step
from .outcomes import Outcome
from .playing import Divergence, Player

__all__ = ["Reach", "touched"]

_ALWAYS: Final = frozenset(("ERR-01", "STORE-18"))
#: What every write that succeeds asks about, and what is compared after it.
_WRITTEN: Final = frozenset(
    (
        *("STORE-04", "STORE-05", "STORE-06", "STORE-07", "STORE-12", "STORE-19", "STORE-23"),
        *("ADDR-07", "ADDR-09"),
    )
)
_READ: Final = frozenset(("STORE-05", "STORE-06", "STORE-19", "STORE-23"))
_REFUSED: Final = frozenset(("STORE-04", "STORE-14"))
_BY_METHOD: Final[Mapping[str, str]] = {
    "get_events": "STORE-08",
    "next_seq": "ADDR-02",
    "register_round": "STORE-13",
    "register_verdict": "STORE-10",
    "verify_chain": "AUDIT-05",
    "verify_partition": "HEAD-04",
}


class Reach:
    """What the histories of one recipe have asked about, and what they would have but for a divergence.

    It watches a :class:`~conformance.stateful.playing.Player`.
    """

    def __init__(self) -> None:
        self._reached: set[str] = set()
        self._missed: set[str] = set()
        self._now: list[frozenset[str]] = []

    def __call__(self, step: Step, expected: Outcome) -> None:
        """The step is being compared."""
        self._now.append(touched(step, expected))

    def begin(self) -> None:
        """A history is played from its first step."""
        self._now = []

    def ended(self, found: Divergence | None, history: History, player: Player) -> None:
        """What was compared before the histories parted is reached; the rest of this one is not."""
        compared = self._now if found is None else self._now[:-1]
        self._reached.update(*compared)
        if found is not None:
            self.begin()
            alone = Player([], at_once=player.at_once, with_times=player.with_times, watch=self)
            alone.left_out = player.left_out
            alone.play(history)
            self._missed.update(*self._now)

    @property
    def missed(self) -> set[str]:
        """The rules that histories would have asked about, had they not parted before."""
        return self._missed - self._reached


def touched(step: Step, expected: Outcome) -> frozenset[str]:
    """The rules that a step asks about which ends so."""
    if step.method in (CLOSE, OPEN):
        return frozenset(("STORE-20",))
    if step.method == SWITCH or not step.is_call:
        return frozenset()
    found = set(_ALWAYS)
    if step.params.get("request_id") is not None:
        found.add("STORE-22")
    if expected.code:
        return frozenset({*found, *_REFUSED, RULE_OF_CODE.get(expected.code, "ERR-01")})
    writes = METHODS[step.method].kind == "write"
    found |= _WRITTEN if writes else _READ
    if step.method in _BY_METHOD:
        found.add(_BY_METHOD[step.method])
    return frozenset(
        found | {RULE_OF_FIELD[n] for n in _names(expected.value()) if n in RULE_OF_FIELD}
    )


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield name
            yield from _names(member)
    elif isinstance(value, list):
        for member in value:
            yield from _names(member)
