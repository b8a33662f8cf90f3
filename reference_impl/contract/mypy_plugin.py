"""STORE-01 under mypy: what a store's class definition refuses at run time, said while type
checking.

For every class below ``DialogueStore`` or ``MigrationStore``: a public method takes ``dialogue_id``
first and is annotated to return a ``PartitionScoped`` result or a list of them. A backend turns it
on with ``plugins = ["reference_impl.contract.mypy_plugin"]`` in its ``[tool.mypy]``; the error's
code is ``partition-scoped``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mypy.errorcodes import ErrorCode
from mypy.nodes import ARG_POS, Decorator, FuncDef, OverloadedFuncDef, SymbolNode, TypeInfo
from mypy.nodes import TypeAlias as AliasNode
from mypy.plugin import ClassDefContext, Plugin
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Type,
    TypeOfAny,
    UnboundType,
    get_proper_type,
)

__all__ = ["plugin"]

_STORE = "reference_impl.contract.store._PartitionScopedStore"
_MARKER = "reference_impl.contract.entities.PartitionScoped"
_CODE = ErrorCode("partition-scoped", "Check that a store keeps to one partition", "DialogueStore")
#: mypy itself reports what it cannot find; nobody knows whether that is scoped.
_UNKNOWN = (TypeOfAny.from_unimported_type, TypeOfAny.from_error)


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001 - the signature that mypy calls
    """What mypy asks a plugin's module for."""
    return _StorePlugin


class _StorePlugin(Plugin):
    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        symbol = self.lookup_fully_qualified(fullname)
        node = symbol.node if symbol else None
        if isinstance(node, AliasNode):
            target = get_proper_type(node.target)
            node = target.type if isinstance(target, Instance) else None
        return _check_class if isinstance(node, TypeInfo) and node.has_base(_STORE) else None


class _NotReady(Exception):
    pass


def _check_class(context: ClassDefContext) -> None:
    info = context.cls.info
    store = next(base for base in info.mro if base.fullname == _STORE)
    try:
        for base in info.mro:
            if base is not info and (base.has_base(_STORE) or store.has_base(base.fullname)):
                continue
            for name in base.names:
                if name.startswith("_") or name == "close":
                    continue
                for method in _methods(info, name):
                    for fault in _faults(info, method):
                        where = method if base is info else context.cls
                        context.api.fail(f'"{info.name}.{name}": {fault}', where, code=_CODE)
    except _NotReady:
        if not context.api.final_iteration:
            context.api.defer()


def _methods(info: TypeInfo, name: str) -> Iterator[FuncDef]:
    symbol = info.get(name)  # as the class sees it, were it a mixin's
    for method in _functions(symbol.node if symbol else None):
        if not (method.is_static or method.is_class or method.is_property):
            yield method


def _functions(node: SymbolNode | None) -> Iterator[FuncDef]:
    if isinstance(node, OverloadedFuncDef):
        for item in node.items:
            yield from _functions(item)
        yield from _functions(node.impl)
    elif isinstance(node, Decorator):
        yield node.func
    elif isinstance(node, FuncDef):
        yield node


def _faults(info: TypeInfo, method: FuncDef) -> Iterator[str]:
    first = method.arguments[1] if len(method.arguments) > 1 else None
    if (
        first is None
        or first.variable.name != "dialogue_id"
        or first.kind != ARG_POS
        or first.pos_only
    ):
        yield "the first parameter must be dialogue_id, without a default (STORE-01)"
    if not _is_scoped(_result_of(info, method)):
        yield ("annotate that it returns a PartitionScoped result or a list of them (STORE-01)")


def _result_of(info: TypeInfo, method: FuncDef) -> Type | None:
    """The result's annotation: the method's own, else that of the method it overrides."""
    own = _annotation(method)
    if own is not None:
        return own
    for base in info.mro:
        symbol = base.names.get(method.name)
        for other in _functions(symbol.node if symbol else None):
            result = _annotation(other)
            if result is not None:
                return result
    return None


def _annotation(method: FuncDef) -> Type | None:
    if not isinstance(method.type, CallableType):
        return None
    result = get_proper_type(method.type.ret_type)
    if isinstance(result, UnboundType):
        raise _NotReady
    if isinstance(result, AnyType) and result.type_of_any == TypeOfAny.unannotated:
        return None
    return result


def _is_scoped(annotation: Type | None) -> bool:
    result = get_proper_type(annotation)
    if isinstance(result, Instance) and result.type.fullname == "builtins.list":
        result = get_proper_type(result.args[0])
    if isinstance(result, AnyType):
        return result.type_of_any in _UNKNOWN
    return isinstance(result, Instance) and result.type.has_base(_MARKER)
