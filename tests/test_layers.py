"""The dependency rule of the repository, checked on the source itself."""

import ast
from pathlib import Path

import pytest

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


def imported_modules(path: Path) -> set[str]:
    """Full names of the modules that a file imports, relative ones resolved."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts[:-1] if parts[0] == "posetube" else ("posetube", *parts[:-1])
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} if node.module else {f"{module}.{a.name}" for a in node.names}
    return names


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
