"""What every abstract store is: closed once, a context manager, and bound to one partition (STORE-01,
STORE-20)."""

from __future__ import annotations

import inspect
import types
import typing
from abc import ABC
from typing import Any

from .entities import PartitionScoped

__all__ = ["Lifecycle", "PartitionScopedStore"]


class Lifecycle:
    """What every store has: it is closed once, twice is fine, and it is a context manager
    (STORE-20)."""

    def close(self) -> None:
        """Release what the store holds. From then on every method is ``store_closed``."""

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()


class PartitionScopedStore(Lifecycle, ABC):
    """STORE-01 at class definition: public methods take ``dialogue_id`` first and return only
    results that carry the :class:`PartitionScoped` marker (or lists of them). ``TypeError``
    otherwise.

    Methods that come from a class beside the stores (a mixin) count as well; class methods, static
    methods and properties don't. The mypy plugin ``reference_impl.contract.mypy_plugin`` says the
    same while type checking.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for base in cls.__mro__:
            checked = PartitionScopedStore in base.__mro__ or base in PartitionScopedStore.__mro__
            if base is not cls and checked:
                continue
            for name in vars(base):
                if not name.startswith("_") and name != "close":
                    _check_member(cls, name)


_NO_METHODS = (staticmethod, classmethod, property, type)
_MISSING = object()


def _check_member(cls: type, name: str) -> None:
    method = getattr(cls, name, None)
    if isinstance(inspect.getattr_static(cls, name), _NO_METHODS) or not callable(method):
        return
    where = f"{cls.__module__}.{cls.__qualname__}.{name}"
    if not _takes_dialogue_id_first(method):
        raise TypeError(
            f"{where}: the first parameter must be dialogue_id, without a default (STORE-01)"
        )
    result = _result_of(cls, name, where)
    if inspect.iscoroutinefunction(method) or not _is_scoped(result):
        raise TypeError(
            f"{where}: must be annotated to return a PartitionScoped or a list of them (STORE-01)"
        )


def _takes_dialogue_id_first(method: Any) -> bool:
    try:
        params = list(inspect.signature(method).parameters.values())
    except ValueError:  # something built in that does not tell
        return False
    return len(params) > 1 and (
        params[1].name == "dialogue_id"
        and params[1].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        and params[1].default is inspect.Parameter.empty
    )


def _result_of(cls: type, name: str, where: str) -> Any:
    """The result's annotation: the method's own, else that of the method it overrides.

    Only this annotation is evaluated, so that those of parameters may name what is imported for
    type checking alone.
    """
    for base in cls.__mro__:
        member = vars(base).get(name)
        function = inspect.unwrap(member) if callable(member) else None
        annotations = getattr(function, "__annotations__", {})
        if "return" not in annotations:
            continue
        try:
            return typing.get_type_hints(
                types.SimpleNamespace(__annotations__={"return": annotations["return"]}),
                getattr(function, "__globals__", {}),
            )["return"]
        except (NameError, AttributeError) as unresolved:
            raise TypeError(
                f"{where}: {unresolved}; import the result's class at the top of the module: "
                "it is looked up when the store's class is defined (STORE-01)"
            ) from None
    return _MISSING


def _is_scoped(result: Any) -> bool:
    if typing.get_origin(result) is list:
        (result,) = typing.get_args(result)
    result = typing.get_origin(result) or result  # a generic class with its arguments
    while isinstance(result, typing.NewType):
        result = result.__supertype__
    return isinstance(result, type) and issubclass(result, PartitionScoped)
