"""Draws an archive of synthetic people to train on, once, and keeps it beside the run."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from posetube.setting_checks import check_numbers

from ...datasets.files.json_files import encode
from ...datasets.training.drawn_pictures import DrawnConfig, drawn_pictures
from ...datasets.training.picture_archive import PictureMixture, archive_about, write_archive
from ..progress import Listener, told
from ..storage.fingerprint import fingerprint
from .clip_sources import check_weights

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
        check_numbers(self, "seed", low=0)
        check_weights(self, "onto")


def drawn_archive(
    config: DrawnArchiveConfig, *, folder: Path, root: Path, listener: Listener
) -> Path:
    """Draw the pictures, unless the folder has these very ones already; return their archive.

    Args:
        config: What to draw.
        folder: Where the archive goes.
        root: Folder that the photographs' relative paths start from.
        listener: Is told how far it is.
    """
    path = folder / ARCHIVE
    onto = {name: fingerprint(str(root / name)) for name in config.onto}
    # The weight says how often the pictures are shown, and changes none of them.
    about = encode({"settings": replace(config, weight=1.0), "onto": onto}).decode()
    if archive_about(path) != about:
        # a kill must not leave earlier labels beside new pictures
        path.with_suffix(".npz").unlink(missing_ok=True)
        photograph = PictureMixture(config.onto, root=root).draw if config.onto else None
        pictures = drawn_pictures(
            photograph, count=config.count, config=config.people, seed=config.seed
        )
        each = told(
            pictures, listener, run=folder.name, stage="draw", total=config.count, unit="pictures"
        )
        write_archive(path, each, about=about)
    return path
