"""Settings in a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from posetube.errors import FormatError, InputError
from posetube.pipelines.training.toml_config import read_config
from posetube.pipelines.training.train_config import TrainConfig

DOCS = Path(__file__).parents[3] / "docs"


@dataclass(frozen=True, kw_only=True)
class Clip:
    length: int = 3
    sizes: tuple[tuple[int, int], ...] = ((1, 2),)

    def __post_init__(self) -> None:
        if self.length < 1:
            raise InputError(f"Clip.length must be 1 or more, got {self.length}")


@dataclass(frozen=True, kw_only=True)
class Run:
    name: str
    rate: float = 0.5
    pace: Literal["fast", "slow"] = "fast"
    part: Literal["train", "val", ""] = ""
    weights: dict[str, float] = field(default_factory=dict)
    folder: Path = Path()
    clip: Clip = field(default_factory=Clip)
    spare: Clip | None = None


def read(folder: Path, text: str) -> Run:
    path = folder / "run.toml"
    path.write_text(text)
    return read_config(path, Run)


def test_tables_become_dataclasses_and_the_rest_takes_its_defaults(tmp_path: Path) -> None:
    top = "name = 'a'\nrate = 1\nfolder = 'x/y'\n"

    run = read(tmp_path, top + "[clip]\nsizes = [[3, 4], [5, 6]]\n[spare]\nlength = 9")

    assert run == Run(
        name="a",
        rate=1.0,
        folder=Path("x/y"),
        clip=Clip(sizes=((3, 4), (5, 6))),
        spare=Clip(length=9),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam = 'a'", r"run\.toml: unknown key 'nam' in the file; did you mean 'name'\?"),
        ("name='a'\n[clip]\nlenght=2", r"unknown key 'lenght' in \[clip\]; did you mean 'length'"),
        (
            "name='a'\n[spare]\nlenght=2",
            r"unknown key 'lenght' in \[spare\]; did you mean 'length'",
        ),
        ("name='a'\n[clip]\nqq=2", r"unknown key 'qq' in \[clip\]; known are length, sizes"),
        ("name='a'\npace='fsat'", "pace in the file must be one of fast, slow, got 'fsat'"),
        ("rate = 1", r"run\.toml: .*missing required field `name`"),
        ("name = 3", r"run\.toml: name in the file: expected `str`, got `int`"),
        ("name='a'\nfolder = 3", r"run\.toml: folder in the file: expected `str`, a path"),
        ("name='a'\nweights={b='x'}", "weights in the file: expected `float`, got `str`"),
        ("name='a'\npart='x'", "part in the file must be one of train, val, got 'x'"),
        ("name = ", r"run\.toml: not TOML"),
    ],
)
def test_a_mistake_names_file_table_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(tmp_path, text)


def test_a_value_out_of_range_says_so_in_the_field_s_own_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.toml: Clip.length must be 1 or more, got 0"):
        read(tmp_path, "name = 'a'\n[clip]\nlength = 0")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.toml: no such file"):
        read_config(tmp_path / "no.toml", Run)


@pytest.mark.parametrize("recipe", sorted((DOCS / "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_the_recipes_are_settings_of_training(recipe: Path) -> None:
    settings = read_config(recipe, TrainConfig)

    assert settings.batch % 4 == 0  # 4 GPUs can share it
    assert f"docs/recipes/{recipe.name}" in recipe.read_text(encoding="utf-8")
