"""``posetube.export``: writes one video's people for another program."""

import logging
from pathlib import Path

from posetube.atomic_files import check_folder_of, check_other_file

from ...datasets.formats.file_format import FileFormat
from ...datasets.formats.format_table import find_written_format
from ...datasets.people import PeopleSource
from ...tracker.thresholds import ThresholdConfig
from ..data_commands.export import write_whole
from .load import load

log = logging.getLogger(__name__)


def export(
    source: PeopleSource,
    path: str | Path,
    *,
    to: str | FileFormat,
    video: str | None = None,
    min_joint: float = 0.0,
    min_track: float = 0.0,
) -> None:
    """Write tracks in a format that another program reads; logs what the format has no place for.

    Args:
        source: Tracks in memory, or what :func:`posetube.load` takes.
        path: The file to write; for ``openpose`` a folder.
        video: Which of its videos; None: the only one.
        min_joint: Joints with a lower score, in [0, 1], are absent.
        min_track: People whose track has a lower mean score, in [0, 1], are left out.
        to: Name of the format, as ``posetube export --to`` takes it, or a format of your own.

    Raises:
        InputError: If there is no such format, or the tracks lack what it needs.
        MissingFileError: If there is no folder for the file.

    Examples:
        >>> export("runs/clip", "clip.coco.json", to="coco")          # doctest: +SKIP
    """
    thresholds = ThresholdConfig(min_joint=min_joint, min_track=min_track)
    form = to if isinstance(to, FileFormat) else find_written_format(to)
    check_folder_of(Path(path))
    check_other_file(Path(path), source)
    write_whole(load(source, video=video), form, Path(path), thresholds=thresholds, say=log.warning)
