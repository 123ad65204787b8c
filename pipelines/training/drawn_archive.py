"""Draws an archive of synthetic people to train on, once, and keeps it beside the run."""

from dataclasses import dataclass, field
from pathlib import Path

from posetube.setting_checks import check_numbers

from ...datasets.training.drawn_pictures import DrawnConfig, drawn_pictures
from ...datasets.training.picture_archive import PictureMixture, write_archive

ARCHIVE = "drawn.tar"


@dataclass(frozen=True, kw_only=True)
class DrawnArchiveConfig:
    """Which synthetic people are drawn, and how often they are shown."""

    count: int = 3000
    """How many pictures."""

    weight: float = 1.0
    """How often one is shown, relative to a picture of another archive of weight 1; above 0."""

    onto: dict[str, float] = field(default_factory=dict)
    """Archives of the photographs that people are put onto, with weights like
    ``PicturesConfig.archives``; none: all scenes are synthetic."""

    seed: int = 0
    """What chance starts from."""

    people: DrawnConfig = field(default_factory=DrawnConfig)
    """What the pictures show."""

    def __post_init__(self) -> None:
        check_numbers(self, "count", "weight", above=0)


def drawn_archive(config: DrawnArchiveConfig, *, folder: Path, root: Path) -> Path:
    """Draw the pictures, unless the folder has them already; return their archive.

    Args:
        config: What to draw.
        folder: Where the archive goes.
        root: Folder that the photographs' relative paths start from.
    """
    path = folder / ARCHIVE
    if not path.with_suffix(".npz").exists():
        photograph = PictureMixture(config.onto, root=root).draw if config.onto else None
        pictures = drawn_pictures(
            photograph, count=config.count, config=config.people, seed=config.seed
        )
        write_archive(path, pictures)
    return path
