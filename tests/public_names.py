"""What ``conformance`` and ``dev`` name of the reference: public names only, and they patch none of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Module", "private_names", "read", "violations"]

REFERENCE: Final = "reference_impl"


@dataclass
class Module:
    """A module as it is written."""

    name: str
    tree: ast.Module
    is_package: bool = False
    #: local name -> (module, name there); name "" for a module itself
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    #: the private names that it defines
    own: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.own = _names_in(self.tree)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                source = self._source(node)
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (source, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.imported[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = node

    def _source(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        base = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*base, *([node.module] if node.module else [])])


def read(root: Path, *packages: str) -> dict[str, Module]:
    """Every module of some packages, by name."""
    modules = {}
    for package in packages:
        for file in sorted((root / package).rglob("*.py")):
            is_package = file.name == "__init__.py"
            path = file.relative_to(root).with_suffix("")
            name = ".".join(path.parent.parts if is_package else path.parts)
            modules[name] = Module(name, ast.parse(file.read_text(encoding="utf-8")), is_package)
    return modules


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_names(modules: Mapping[str, Module]) -> frozenset[str]:
    """Every private name that the modules define: functions, classes, constants, attributes."""
    return frozenset(name for module in modules.values() for name in module.own)


def _names_in(tree: ast.AST) -> frozenset[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # __slots__
    return frozenset(name for name in found if _is_private(name) and name.isidentifier())


def violations(
    module: Module, modules: Mapping[str, Module], private: frozenset[str]
) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) for each private name of the reference in a module, and for each patch.

    ``modules``: those among which its classes find their bases; ``private``: the reference's names.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(module, node)
        elif isinstance(node, ast.ClassDef):
            yield from _overrides(node, _inherited(module, node, modules))
        elif isinstance(node, ast.Call):
            yield from _calls(module, node, private)
        elif isinstance(node, ast.Attribute):
            yield from _attributes(module, node, private)


def _imports(module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    for alias in node.names:
        source = module.imported[alias.asname or alias.name.partition(".")[0]][0]
        parts = [*source.split("."), *alias.name.split(".")]
        if "mock" in parts:
            yield node.lineno, "imports unittest.mock"
        if parts[0] == REFERENCE and any(map(_is_private, parts)):
            yield node.lineno, f"imports {alias.name} of {source}"


def _overrides(node: ast.ClassDef, private: frozenset[str]) -> Iterator[tuple[int, str]]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef) and inner.name in private:
            yield inner.lineno, f"{node.name} overrides {inner.name}"
        elif (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.value, ast.Name | ast.Call)
            and ast.unparse(inner.value) in ("self", "cls", "super()")
            and inner.attr in private
        ):
            yield inner.lineno, f"{node.name} uses {inner.attr} of its base"


def _calls(module: Module, node: ast.Call, private: frozenset[str]) -> Iterator[tuple[int, str]]:
    called = ast.unparse(node.func).rpartition(".")[2]
    if called not in ("getattr", "setattr", "delattr", "hasattr", "object", "multiple"):
        return
    for given in node.args[1:2]:
        if isinstance(given, ast.Constant) and given.value in private:
            yield node.lineno, f"{called} of {given.value}"
    if called in ("setattr", "delattr") and _root(module, node.args[0]) == REFERENCE:
        yield node.lineno, f"{called} on a part of the reference"


def _attributes(
    module: Module, node: ast.Attribute, private: frozenset[str]
) -> Iterator[tuple[int, str]]:
    name = node.attr
    if isinstance(node.ctx, ast.Store | ast.Del) and _root(module, node.value) == REFERENCE:
        yield node.lineno, f"changes {ast.unparse(node)}"
    if not _is_private(name) or ast.unparse(node.value) in ("self", "cls", "super()"):
        return
    if "__" in name[1:] or (name in private and name not in module.own):
        yield node.lineno, f"names {ast.unparse(node)}"


def _root(module: Module, node: ast.expr) -> str:
    """The top package of the imported name that an expression begins with, if it begins so."""
    while isinstance(node, ast.Attribute):
        node = node.value
    source = module.imported.get(node.id, ("", ""))[0] if isinstance(node, ast.Name) else ""
    return source.partition(".")[0]


def _inherited(
    module: Module, node: ast.ClassDef, modules: Mapping[str, Module], depth: int = 20
) -> frozenset[str]:
    """The private names of the classes of the reference that a class is derived from."""
    names: frozenset[str] = frozenset()
    for base in node.bases:
        local, _, attribute = ast.unparse(base).partition("[")[0].partition(".")
        found = _look_up(modules, module, local, attribute)
        if found is None or found[1] is node or not depth:
            continue
        home, cls = found
        names |= _inherited(home, cls, modules, depth - 1)
        if home.name.partition(".")[0] == REFERENCE:
            names |= _names_in(cls)
    return names


def _look_up(
    modules: Mapping[str, Module], module: Module, local: str, attribute: str, depth: int = 5
) -> tuple[Module, ast.ClassDef] | None:
    """The class that a name in a module stands for, wherever it was imported from."""
    if not attribute and local in module.classes:
        return module, module.classes[local]
    source, there = module.imported.get(local, ("", ""))
    if attribute:  # of an imported module
        source, there = f"{source}.{there}".rstrip("."), attribute
    home = modules.get(source)
    return _look_up(modules, home, there, "", depth - 1) if home is not None and depth else None
