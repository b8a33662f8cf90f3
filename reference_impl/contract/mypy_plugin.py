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
from mypy.nodes import (
    ARG_POS,
    Decorator,
    FuncDef,
    MemberExpr,
    NameExpr,
    OverloadedFuncDef,
    SymbolNode,
    TypeInfo,
)
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

_STORE = "reference_impl.contract.scoped.PartitionScopedStore"
_MARKER = "reference_impl.contract.entities.PartitionScoped"
_CODE = ErrorCode("partition-scoped", "Check that a store keeps to one partition", "DialogueStore")
#: mypy itself reports what it cannot find; nobody knows whether that is scoped.
_UNKNOWN = (TypeOfAny.from_unimported_type, TypeOfAny.from_error)
_NONE_GIVEN = TypeOfAny.unannotated
_FREE = {"classmethod", "staticmethod", "property", "cached_property", "setter"}


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


def _check_class(context: ClassDefContext) -> None:
    info = context.cls.info
    store = next(base for base in info.mro if base.fullname == _STORE)
    for base in info.mro:
        if base is not info and (base.has_base(_STORE) or store.has_base(base.fullname)):
            continue
        for name in base.names:
            if name.startswith("_") or name == "close":
                continue
            for owner, method in _methods(info, name):
                where = method if owner is info else context.cls
                for fault in _faults(context, owner, method):
                    context.api.fail(f'"{info.name}.{name}": {fault}', where, code=_CODE)


def _methods(info: TypeInfo, name: str) -> Iterator[tuple[TypeInfo, FuncDef]]:
    """The definitions of a method as the class sees it, were it a mixin's, with their class."""
    for base in info.mro:
        if name in base.names:
            for method in _functions(base.names[name].node):
                yield base, method
            return


def _functions(node: SymbolNode | None) -> Iterator[FuncDef]:
    if isinstance(node, OverloadedFuncDef):
        items = [*node.items, *([node.impl] if node.impl else [])]
        if not any(isinstance(item, Decorator) and _is_free(item) for item in items):
            for item in items:
                yield item.func if isinstance(item, Decorator) else item
    elif isinstance(node, Decorator):
        if not _is_free(node):
            yield node.func
    elif isinstance(node, FuncDef):
        yield node


def _is_free(node: Decorator) -> bool:
    """Whether it is a class method, static method or property. Of overloads and setters mypy itself
    knows it only later."""
    names = {each.name for each in node.decorators if isinstance(each, NameExpr | MemberExpr)}
    return node.func.is_static or node.func.is_class or node.func.is_property or bool(names & _FREE)


def _faults(context: ClassDefContext, owner: TypeInfo, method: FuncDef) -> Iterator[str]:
    first = method.arguments[1] if len(method.arguments) > 1 else None
    if (
        first is None
        or first.variable.name != "dialogue_id"
        or first.kind != ARG_POS
        or first.pos_only
    ):
        yield "the first parameter must be dialogue_id, without a default (STORE-01)"
    if method.is_coroutine or not _has_scoped_result(context, owner, method):
        yield "must be annotated to return a PartitionScoped or a list of them (STORE-01)"


def _has_scoped_result(context: ClassDefContext, owner: TypeInfo, method: FuncDef) -> bool:
    result = method.type.ret_type if isinstance(method.type, CallableType) else AnyType(_NONE_GIVEN)
    if isinstance(result, AnyType) and result.type_of_any == _NONE_GIVEN:
        mro = context.cls.info.mro
        for base in mro[mro.index(owner) + 1 :]:
            symbol = base.names.get(method.name)
            for overridden in _functions(symbol.node if symbol else None):
                return _has_scoped_result(context, base, overridden)
        return False
    if isinstance(result, UnboundType):  # mypy reads the signatures of methods after the classes
        if owner.module_name != context.cls.info.module_name:
            return True  # from an import cycle: only the class definition at run time can tell
        analysed = context.api.anal_type(result, allow_unbound_tvars=True)
        return analysed is None or _is_scoped(analysed)  # None: mypy comes back to this class
    return _is_scoped(result)


def _is_scoped(annotation: Type) -> bool:
    result = get_proper_type(annotation)
    if isinstance(result, Instance) and result.type.fullname == "builtins.list":
        result = get_proper_type(result.args[0])
    if isinstance(result, AnyType):
        return result.type_of_any in _UNKNOWN
    return isinstance(result, Instance) and result.type.has_base(_MARKER)
