"""The contract's numbers, as its text gives them, and that no module of the reference writes one again."""

from __future__ import annotations

import ast
from pathlib import Path

from reference_impl.contract import limits

ROOT = Path(__file__).parent.parent / "reference_impl"

#: By hand, from the rules named.
EXPECTED = {
    "MAX_ROUND": 99,  # ADDR-02
    "MAX_EACH": 99,  # ADDR-08
    "MAX_TITLE_IDS": 99,  # ADDR-06
    "MAX_SLUG": 64,  # ADDR-06
    "MAX_INTEGER": 9007199254740991,  # STORE-12
    "MAX_DEPTH": 64,  # STORE-12
    "DEADLINE_S": 10.0,  # STORE-16
    "MAX_REFS": 999,  # STORE-13
    "MAX_ROUND_BYTES": 67108864,  # STORE-13: 64 MiB
    "MAX_FINDINGS": 1000,  # STORE-14
    "MAX_ITEM_BYTES": 409600,  # STORE-15: 400 KiB
    "MAX_SEALS": 2147483648,  # ENV-04: 2^31
    "MAX_WRAPPED_KEYS": 64,  # KEY-07
    "MAX_BOUNDARIES": 8,  # AUDIT-09
    "JOURNAL_PART_BYTES": 358400,  # HEAD-07: 350 KiB
}
#: Numbers that mean something else where they stand: a decimal context's exponents.
ELSEWHERE = {("contract/items.py", 999)}


def test_each_limit_is_the_contracts() -> None:
    assert {name: getattr(limits, name) for name in limits.__all__} == EXPECTED


def _value(node: ast.expr) -> object:
    """A number as it is written: literals, and what is multiplied, raised or subtracted of them."""
    try:
        return eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}})
    except Exception:  # noqa: BLE001 - it holds names: no number written out
        return None


def test_no_limit_is_written_a_second_time() -> None:
    large = {number for number in EXPECTED.values() if number > 64 and number != 1000} | {2**53}
    found = set()
    for path in ROOT.rglob("*.py"):
        if path.name == "limits.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.BinOp):
                value = _value(node)
                if type(value) is int and value in large:
                    found.add((path.relative_to(ROOT).as_posix(), value))
    assert found - ELSEWHERE == set()
