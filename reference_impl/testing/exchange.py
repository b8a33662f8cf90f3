"""Another function in the place of one of the reference's pure functions, for as long as a run lasts.

For liars and experiments, in a process of their own: the exchange holds for every store of the process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

__all__ = ["exchanged"]


@contextmanager
def exchanged(honest: Callable[..., Any], wrong: Callable[..., Any]) -> Iterator[None]:
    """``wrong`` in the place of ``honest``, wherever a module or a class of the reference names it.

    ``wrong`` is called with the honest function first, then with what that is called with. Functions of
    modules and methods of classes can be exchanged; ``LookupError`` for what no module of the reference
    that is loaded has.
    """
    places = [
        (holder, name)
        for holder in _holders()
        for name, value in list(vars(holder).items())
        if value is honest
    ]
    if not places:
        raise LookupError(f"nothing of the reference is called {honest.__qualname__}")
    function, method = partial(wrong, honest), _method(honest, wrong)
    for holder, name in places:
        setattr(holder, name, method if isinstance(holder, type) else function)
    try:
        yield
    finally:
        for holder, name in places:
            setattr(holder, name, honest)


def _holders() -> Iterator[Any]:
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "reference_impl":
            yield module
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name:
                    yield value


def _method(honest: Callable[..., Any], wrong: Callable[..., Any]) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return wrong(honest, *args, **kwargs)

    return method
