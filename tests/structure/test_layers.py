"""The layers and sizes of drp, kept by a machine."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "drp"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")

# What each folder may import, beside itself and what stands on its right in the line
# cli -> commands -> {reports runbooks actions providers witness} -> {engine config} -> ports -> model ->
# errors
BASE = {"errors", "model"}
PORTS = BASE | {"ports"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "model": {"errors"},
    "ports": BASE,
    "dataplane": BASE,
    # a guard runs in an image that holds nothing else
    "guard": BASE | {"dataplane"},
    "engine": PORTS,
    "config": PORTS,
    "witness": PORTS | {"engine", "config"},
    "runbooks": PORTS | {"engine", "config"},
    # an action reads manifests and opens keys, and keeps epochs in the witness
    "actions": PORTS | {"engine", "config", "witness", "dataplane", "guard"},
    # helpers are spoken to in the data plane's own words
    "providers": PORTS | {"engine", "config", "dataplane"},
    # what a journal says, for people: it sees no world and no configuration
    "reports": BASE | {"engine", "dataplane"},
    "commands": PORTS
    | {"engine", "config", "witness", "runbooks", "actions", "providers", "dataplane", "reports"},
    "cli": PORTS | {"engine", "config", "witness", "runbooks", "actions", "providers", "commands"},
    "testing": PORTS
    | {"engine", "config", "witness", "runbooks", "actions", "providers", "commands", "dataplane", "guard"},
}


@cache
def list_nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def iter_imports(path: Path) -> Iterator[tuple[str, int]]:
    """Modules of drp that a file imports, with their lines."""
    for node in list_nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("drp"):
            for alias in node.names:
                deeper = PACKAGE.parent / Path(*node.module.split("."), f"{alias.name}.py")
                yield (f"{node.module}.{alias.name}" if deeper.exists() else node.module), node.lineno
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.startswith("drp"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_imports_only_lower_layers(path: Path) -> None:
    layer = layer_of(path)
    if layer == "__main__":
        return
    for module, line in iter_imports(path):
        parts = module.split(".")
        target = parts[1] if len(parts) > 1 else ""
        allowed = MAY_IMPORT[layer] | {layer, ""}
        assert target in allowed, f"{path}:{line}: {layer} must not import {target}: it is not below it"


def test_imports_have_no_cycle() -> None:
    graph = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): {name for name, _ in iter_imports(path)}
        for path in MODULES
    }
    seen: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"import cycle: {' -> '.join((*path, module))}"
        if module not in seen:
            for target in sorted(graph.get(module, ())):
                visit(target, (*path, module))
            seen.add(module)

    for module in sorted(graph):
        visit(module, ())


def iter_functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in list_nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_imports_stand_at_the_top_of_files() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for path in MODULES
        for function in iter_functions(path)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_files_are_small() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in MODULES}
    assert statistics.median(sizes.values()) <= 120
    assert {name: size for name, size in sizes.items() if size > 450} == {}


def test_functions_are_short() -> None:
    lengths = sorted(
        (f.end_lineno or f.lineno) - f.lineno + 1 for path in MODULES for f in iter_functions(path)
    )
    assert statistics.median(lengths) <= 9
    assert lengths[int(len(lengths) * 0.9)] <= 28
