"""Writes a run's tracks in both forms, ``tracks.parquet`` and ``tracks.json``, as streams."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from posetube.skeletons import skeleton
from posetube.structures import FramePoses

from ...datasets.formats.posetrack18_writer import PoseTrack18Writer
from ..storage.tracks_store import TracksWriter
from .stage_work import StageWork


def written_tracks(
    work: StageWork,
    frames: Iterable[FramePoses],
    *,
    refined: Mapping[str, Any] | None = None,
    names: Mapping[int, str] | None = None,
) -> Iterator[FramePoses]:
    """Write the frames of a run, and tell how far they are once all detections are there.

    Args:
        work: The stage's; it writes ``tracks.parquet`` and ``tracks.json``.
        frames: All frames of the video, in rising order.
        refined: See :class:`~..storage.tracks_store.TracksWriter`.
        names: What people call some of the tracks.

    Yields:
        Each frame, once it is written.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    record, source = work.record, work.record.manifest.source
    joints, masks = skeleton(record.manifest.skeleton), record.manifest.settings.detect.masks
    table, posetrack = work.files["tracks.parquet"], work.files["tracks.json"]
    with (
        TracksWriter(
            table,
            source=source.name,
            size=source.size,
            joints=joints,
            refined=refined,
            masks=masks,
            names=names,
        ) as rows,
        PoseTrack18Writer(posetrack, skeleton=joints, name=source.name, size=source.size) as people,
    ):
        for done, poses in enumerate(frames, start=1):
            rows.write(poses)
            people.add(poses)
            yield poses
            if record.manifest.finished("detect"):  # else that stage tells, and stops after a part
                record.progress(done)
                record.interrupt.check()
