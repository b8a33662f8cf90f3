"""Small faults of a Python source: where each can be put, and the text with one put in.

Only the changed expression or statement is written anew; everything around it, comments included, stays byte
for byte.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Change", "changes_of", "with_change"]

_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_TURNED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One fault: the ``text`` that stands in place of the bytes from ``start`` to ``end``; ``line`` counts
    from 1; ``what`` says what was done, in a few words."""

    line: int
    start: int
    end: int
    text: str
    what: str


def changes_of(source: str) -> list[Change]:
    """Every fault that can be put into a source, in its order."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, text, what in _walk(ast.parse(source)):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        found.append(Change(node.lineno, begin, end, text, what))
    return sorted(found, key=lambda change: (change.start, change.end, change.what))


def with_change(source: str, change: Change) -> str:
    """The source with a fault in it. ``SyntaxError`` where it is none any more."""
    raw = source.encode()
    changed = (raw[: change.start] + change.text.encode() + raw[change.end :]).decode()
    ast.parse(changed)
    return changed


def _walk(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    """What can be changed below a node: not in annotations, decorators, docstrings, ``__all__`` and texts."""
    if isinstance(node, ast.expr | ast.stmt):
        yield from _of(node)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if (
                not isinstance(child, ast.AST)
                or isinstance(child, ast.JoinedStr)
                or _is_told(child)
            ):
                continue
            yield from _walk(child)


def _is_told(node: ast.AST) -> bool:
    """Whether a statement only tells something to a reader or a type checker."""
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _of(node: ast.expr | ast.stmt) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    match node:
        case ast.Compare(left, [operator], [right]):
            swapped = ast.Compare(left, [_SWAPPED[type(operator)]()], [right])
            yield node, f"({ast.unparse(swapped)})", "a comparison is another"
        case ast.BoolOp(operator, values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield node, f"({ast.unparse(ast.BoolOp(other, values))})", "and for or, or for and"
            for left_out in range(len(values)):
                rest = [value for i, value in enumerate(values) if i != left_out]
                text = ast.unparse(rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest))
                yield node, f"({text})", f"condition {left_out + 1} is left out"
        case ast.UnaryOp(ast.Not(), operand):
            yield node, f"({ast.unparse(operand)})", "a not is left out"
        case ast.BinOp(left, operator, right) if type(operator) in _TURNED:
            if not (_is_text(left) or _is_text(right)):
                turned = ast.BinOp(left, _TURNED[type(operator)](), right)
                yield node, f"({ast.unparse(turned)})", "a sum or product is another"
        case ast.Constant(bool() as value):
            yield node, str(not value), "true for false, false for true"
        case ast.Constant(int() as value):
            yield node, str(value + 1), "a number is one more"
        case ast.If(test) | ast.While(test) | ast.IfExp(test):
            yield test, f"(not ({ast.unparse(test)}))", "a condition is turned round"
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield value, "None", "nothing is given back"
        case ast.Raise():
            yield node, "pass", "an error is not raised"
        case ast.Expr(ast.Call()):
            yield node, "pass", "a call is left out"
        case ast.Continue() | ast.Break():
            yield node, "pass", "a loop goes on"
        case _:
            return


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
