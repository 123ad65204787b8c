"""The order of the repository, checked on its source: layers, circles, dead modules, names."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import posetube
from posetube.models3d.parts import PARTS
from posetube.pipelines import cli

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "posetube": set[str](),
    "datasets": {"posetube"},
    "models3d": {"posetube"},
    "tracker": {"posetube"},
    "pipelines": {"posetube", "datasets", "models3d", "tracker"},
}
WITHOUT_TORCH = {"posetube", "datasets", "tracker"}
TRAINING = ROOT / "pipelines" / "training"
SOURCES = [
    path
    for folder in MAY_IMPORT
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not any(parent.is_symlink() for parent in path.parents)
]

EMPTY_NAMES = {"utils", "util", "common", "misc", "helpers", "helper"}


def module_name(path: Path) -> str:
    """``posetube.tracker.paper`` of ``tracker/paper.py``; a package's name of its ``__init__``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    inside = parts if parts[0] == "posetube" else ("posetube", *parts)
    return ".".join(inside[:-1] if inside[-1] == "__init__" else inside)


PATHS = {module_name(path): path for path in SOURCES}


@cache
def imports(path: Path) -> frozenset[tuple[str, str]]:
    """What a file imports, wherever in it: full name of the module, and the name taken from it.

    Relative imports are resolved; the second is empty for ``import module``.
    """
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts[:-1] if parts[0] == "posetube" else ("posetube", *parts[:-1])
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {(module, alias.name) for alias in node.names}
    return frozenset(found)


def imported_modules(path: Path) -> set[str]:
    """Full names of the modules that a file imports; ``from package import module`` is one."""
    whole = {(module, f"{module}.{name}") for module, name in imports(path)}
    return {full if full in PATHS else module for module, full in whole}


def modules_imported_at_once(path: Path) -> set[str]:
    """First parts of the modules that a file imports when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_point_down(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    if path.parent == ROOT / "posetube" and path.stem in {"__init__", "__main__"}:
        return  # the front doors name the jobs, and import them only when asked
    modules = imported_modules(path)

    bare = {m for m in modules if m.split(".")[0] in MAY_IMPORT.keys() - {"posetube"}}
    assert not bare, f"import {bare} as posetube.<folder>"

    reached = {m.split(".")[1] for m in modules if m.startswith("posetube.")}
    assert reached & MAY_IMPORT.keys() <= MAY_IMPORT[folder] | {folder}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_network_library_waits_until_a_network_is_needed(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    heavy = {"torch", "torchvision"}

    if folder in WITHOUT_TORCH:
        assert not heavy & {m.split(".")[0] for m in imported_modules(path)}
    elif folder == "pipelines" and path.parent != TRAINING:
        assert not heavy & modules_imported_at_once(path)


def graph() -> dict[str, set[str]]:
    """For each of our modules those of ours that it imports, inside functions and for types too."""
    return {name: (imported_modules(path) & PATHS.keys()) - {name} for name, path in PATHS.items()}


def circle(edges: dict[str, set[str]]) -> list[str]:
    """One circle of imports, its first module repeated at the end; empty if there is none."""
    done: set[str] = set()

    def search(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for other in sorted(edges[name]):
            if found := search(other, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := search(name, []))), [])


def test_imports_make_no_circle() -> None:
    assert " -> ".join(circle(graph())) == ""


def test_a_circle_would_be_found() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}

    assert circle(edges) == ["b", "c", "b"]


def with_packages(name: str) -> Iterator[str]:
    """A module and the packages that it lies in, which are imported along with it."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def reachable(roots: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    """The modules that importing some others imports sooner or later."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [package for package in with_packages(name) if package not in found]
            waiting += edges[name]
    return found


def test_every_module_serves_a_command_or_a_public_name() -> None:
    commands = [function for _, function, _ in (*cli.COMMANDS, *cli.DATA_COMMANDS)]
    roots = {f"posetube.pipelines.{function.partition(':')[0]}" for function in commands}
    kinds = [kind for part in PARTS.values() for kind in part]
    roots |= {f"posetube.models3d.{kind.module.partition(':')[0]}" for kind in kinds}
    roots |= {"posetube.__main__", "posetube.pipelines.cli", *posetube._LATE.values()}

    lost = PATHS.keys() - reachable(roots, graph())

    assert sorted(lost) == []


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = {}
    for name, path in PATHS.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name)

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_modules_are_named_after_what_they_do() -> None:
    assert [name for name in PATHS if EMPTY_NAMES & set(name.split("."))] == []
