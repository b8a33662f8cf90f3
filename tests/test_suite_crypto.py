"""The tests of profile crypto: every vector of the four families, green for the reference, each red by
its own assertion for arithmetic that answers nothing."""

from __future__ import annotations

from conformance import load_vectors
from conformance.liars.kit.trial import chosen
from conformance.running.runner import Listener, Options, run
from conformance.targets.base import Engine, Target
from conformance.targets.load import TargetOptions, open_target
from conformance.verdict.judge import Case

#: Types of groups that no ``crypto.*`` asks for, with the profile or test that shows them instead.
ELSEWHERE = {
    "identifier": "core",
    "display-id": "core",
    "new-dialogue-id": "core",
    "parse-sort-key": "encrypted",
    "kms": "kms",
    "dek": "the head's sum is none of the profile's, and a commitment is shown by opening",
    "read": "encrypted: several items in one read",
}


class _Cases(Listener):
    def __init__(self) -> None:
        self.found: list[Case] = []

    def case(self, case: Case) -> None:
        self.found.append(case)


def _run(target: Target) -> list[Case]:
    heard = _Cases()
    run(target, Options(budget="quick", profiles=("crypto",)), heard)
    return heard.found


def test_the_reference_passes_every_vector() -> None:
    with open_target("memory", TargetOptions()) as target:
        cases = _run(target)
    assert [case.id for case in cases if case.outcome != "pass"] == []
    vectors = {
        test["tc_id"]
        for family in ("address", "payload", "keys", "envelope")
        for document in load_vectors(family)
        for group in document["test_groups"]
        if group["type"] not in ELSEWHERE
        for test in group["tests"]
        if not test.get("planned")
    }
    assert {case.id.partition("[")[2].removesuffix("]") for case in cases} == vectors


def test_arithmetic_that_answers_nothing_passes_none_and_each_by_its_own_assertion() -> None:
    (null,) = (liar for liar in chosen() if liar.profile == "crypto" and liar.null)
    cases = _run(Target("null", null.factory, Engine("in-process"), "null"))
    assert [case.id for case in cases if case.outcome != "fail"] == []
    failed = [case for case in cases if case.outcome == "fail"]
    assert len(failed) > 1500
    strange = [c.id for c in failed if not c.reason.startswith(("AssertionError", "assert "))]
    assert strange == []
