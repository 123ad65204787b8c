"""Makes the page of all settings of training, from the dataclasses that hold them.

``python docs/settings_table.py`` writes ``docs/settings.md``; a test compares the two.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from posetube.pipelines.training.train_config import TrainConfig

PAGE = Path(__file__).with_name("settings.md")

HEAD = """# Settings of training

Every key that a file for `posetube train` may have, made from the code by
`python docs/settings_table.py`. Keys with a dot are in tables: `optimization.steps` is `steps` in
`[optimization]`. What a default of `none` means, the text says. [training.md](training.md) has
examples.

| key | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The page's text."""
    return HEAD + "".join(f"| `{key}` | {default} | {text} |\n" for key, default, text in rows())


def rows(kind: type = TrainConfig, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every setting of a dataclass, those of its tables after it."""
    hints, texts = get_type_hints(kind), meanings(kind)
    for field in fields(kind):
        key = f"{prefix}{field.name}"
        yield key, shown(field), texts[field.name]
        for part in (hints[field.name], *get_args(hints[field.name])):
            if isinstance(part, type) and is_dataclass(part):
                yield from rows(part, f"{key}.")


def shown(field: Field[Any]) -> str:
    """A default, as TOML has it."""
    made = field.default_factory() if field.default_factory is not MISSING else field.default
    if made is MISSING:
        return "needed"
    if made is None:
        return "none"
    return "a table" if is_dataclass(made) or made == {} else f"`{toml(made)}`"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else repr(value).replace("'", '"')


def meanings(kind: type) -> dict[str, str]:
    """What stands below each field, those of the classes that it is made from too."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        module = inspect.getmodule(each)
        assert module is not None
        found |= _written(module).get(each.__name__, {})
    return found


@cache
def _written(module: ModuleType) -> dict[str, dict[str, str]]:
    """By class and field, the strings that follow fields in a module."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            texts = found.setdefault(node.name, {})
            for field, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    assert isinstance(field.target, ast.Name)
                    assert isinstance(text.value, ast.Constant)
                    texts[field.target.id] = _in_markdown(str(text.value.value))
    return found


def _in_markdown(text: str) -> str:
    plain = " ".join(text.split()).replace("``", "`").replace(":attr:", "")
    return plain.replace("`~.for_batch`", "`for_batch`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
