"""``posetube.edit``: corrects tracks in memory."""

from collections.abc import Sequence

from posetube.structures import VideoTracks

from ...datasets.people import PeopleSource
from ...tracker.edits import edit_tracks
from ..editing.edit_words import parse_edit
from .load import load


def edit(
    source: PeopleSource, corrections: str | Sequence[str], *, video: str | None = None
) -> VideoTracks:
    """Correct who is who in tracks, and where joints are; nothing is written.

    Args:
        source: Tracks in memory, or what :func:`posetube.load` takes.
        corrections: As ``posetube edit`` takes them, one or several, in order: ``"merge 3 5"``,
            ``"split 3 @12.4s"``, ``"swap 2 4 @7s"``, ``"delete 7 @2s..5s"``, ``"keep 1,2"``,
            ``"rename 3 anna"``, ``"assign 3 8 @2s..5s"``, ``"move 3 left_wrist @12.4s 310,220"``.
        video: Which of several videos; None: the only one.

    Returns:
        The corrected tracks.

    Raises:
        InputError: If a correction is not understood or cannot be done; says why.

    Examples:
        >>> tracks = edit("runs/clip", ["merge 3 5", "rename 3 anna"])      # doctest: +SKIP
    """
    texts = [corrections] if isinstance(corrections, str) else corrections
    tracks = source if isinstance(source, VideoTracks) else load(source, video=video)
    return edit_tracks(tracks, [parse_edit(text) for text in texts])
