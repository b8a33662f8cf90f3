"""From a name to an opened target: a built-in one, or any callable as ``module:factory``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from conformance.targets.guard import alarm, blamed
from reference_impl.contract.dialogue_store import DialogueStore

from .base import Backend, Engine, Factory, Target
from .builtin import BUILTIN
from .engines.choose import choose_engine
from .streams import lent_streams

__all__ = ["LoadError", "LoadUsageError", "TargetOptions", "adapt", "open_target"]


#: Seconds that a module may take until it is imported, unless something else is asked for.
IMPORT_S: Final = 60.0


class LoadError(Exception):
    """The target is there, but cannot be loaded."""


class LoadUsageError(LoadError):
    """No such target."""


@dataclass(frozen=True)
class TargetOptions:
    """How a target is reached: all but ``import_deadline_s`` is for ``dynamodb`` only.

    ``import_deadline_s``: seconds that importing the module of a ``module:factory`` may take.
    """

    engine: str | None = None
    allow_remote: bool = False
    require_real: bool = False
    table_prefix: str = ""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    import_deadline_s: float = IMPORT_S


@contextmanager
def open_target(name: str, options: TargetOptions) -> Iterator[Target]:
    """The target, running until the context ends.

    Raises :class:`LoadUsageError`, :class:`LoadError`, and for DynamoDB ``EngineError``
    with its own exit code.
    """
    builtin = BUILTIN.get(name)
    if builtin is None:
        yield from_callable(name, options.import_deadline_s)
        return
    engine = None
    if builtin.needs_engine:
        engine = choose_engine(
            options.engine,
            allow_remote=options.allow_remote,
            require_real=options.require_real,
            table_prefix=options.table_prefix,
            environ=options.environ,
        )
    with builtin.open(engine) as target:
        try:
            yield target
        finally:
            target.close()


def from_callable(name: str, import_deadline_s: float = IMPORT_S) -> Target:
    """A target from ``module:factory``, looked for in the working directory too."""
    module_name, separator, attribute = name.partition(":")
    if not (separator and module_name and attribute):
        shown = ", ".join(t.name for t in BUILTIN.values() if not t.hidden)
        raise LoadUsageError(
            f"no target is called {name!r}; there are {shown}, or any callable as module:factory"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    with (
        lent_streams(),
        blamed(f"module {module_name} cannot be imported", LoadError),
        alarm(import_deadline_s),
    ):
        module = _import(module_name)
        found: Any = module
        for part in attribute.split("."):
            found = getattr(found, part, None)
        version = getattr(module, "__version__", None)
        version = None if version is None else str(version)
    if not callable(found):
        raise LoadUsageError(f"module {module_name} has no callable {attribute}")
    return Target(
        name,
        adapt(found),
        Engine("in-process"),
        name,
        version=version,
        announcement=f"{name}, in this process",
    )


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise LoadUsageError(
                f"there is no module {error.name} here (looked in the working directory and on "
                f"Python's path)"
            ) from None
        raise


def adapt(factory: Callable[..., Any]) -> Factory:
    """A factory whose result may also be a bare store."""

    def adapted(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        made = factory(folder, key_file=key_file, user_id=user_id, deadline_s=deadline_s)
        if isinstance(made, DialogueStore):
            return Backend(made)
        if isinstance(made, Backend):
            return made
        raise TypeError(
            f"the factory must return a DialogueStore or a Backend, not {type(made).__name__}"
        )

    return adapted
