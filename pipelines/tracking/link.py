"""The second stage: from a run's detections to ``tracks.parquet`` and ``tracks.json``.

It starts from the first frame each time and depends on nothing but the parts and its settings, so
that a run that was stopped ends as one that was not. Both files are written as streams.
"""

from dataclasses import asdict
from typing import Any

from posetube.atomic_files import replacing
from posetube.skeletons import skeleton

from ...datasets.formats.posetrack18_writer import PoseTrack18Writer
from ...tracker.config import LinkConfig
from ...tracker.presets import link_frames
from ..storage.detections_store import read_frames
from ..storage.recorder import Recorder
from ..storage.tracks_store import TracksWriter


def link(record: Recorder, config: LinkConfig) -> None:
    """Link all detections of a run, and write its tracks in both forms.

    Args:
        record: The run.
        config: How to link.

    Raises:
        Interrupted: If somebody asked to stop; the earlier files, if any, stay.
        FormatError: If a part of the detections cannot be read.
    """
    run, source = record.run, record.manifest.source
    joints = skeleton(record.manifest.skeleton)
    found = read_frames(run.detections, joints=len(joints))
    ids: set[int] = set()
    with (
        replacing(run.tracks) as table,
        TracksWriter(table, source=source.name, size=source.size, joints=joints) as rows,
        PoseTrack18Writer(
            run.posetrack, skeleton=joints, name=source.name, size=source.size
        ) as people,
    ):
        linked = link_frames(found, config=config, skeleton=joints, size=source.size)
        for done, poses in enumerate(linked, start=1):
            rows.write(poses)
            people.add(poses)
            ids.update(poses.track_ids.tolist())
            record.progress(done)
            record.interrupt.check()
    record.update(tracks=len(ids))


def link_settings(config: LinkConfig) -> dict[str, bool | int | float | str | None]:
    """What a manifest says of the linking: the fields that its preset looks at, by dotted name."""
    given = asdict(config)
    groups = {name: given.pop(name) for name in ("cuts", "offline", "paper")}
    preset = given.pop("preset")
    if preset == "paper":
        return {"preset": preset, **_dotted("paper", groups["paper"])}
    if preset == "offline":
        return {**given, "preset": preset, **_dotted("offline", groups["offline"])}
    return given


def _dotted(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}.{key}": value for key, value in fields.items()}
