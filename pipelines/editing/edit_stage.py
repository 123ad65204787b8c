"""The stage between linking and refining: puts people's corrections into a run's tracks.

The tracks as linked move to a file of their own, from which the corrections start each time, so
that an undo gives back the same bytes. Joints that people placed go in last: here where nothing is
refined, else after refining (:mod:`..refining.refine_stage`).
"""

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import skeleton
from posetube.structures import FramePoses

from ...tracker.refiners.refine import unrefined
from ..storage.edit_journal import corrections_of, corrections_wait, digest
from ..storage.manifest import Manifest
from ..storage.part_check import frames_of_run
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import check_tracks, read_poses
from ..tracking.frame_people import frames_looked_at
from ..tracking.stage_work import StageWork
from ..tracking.written_tracks import written_tracks
from .edited_run import linked_tracks, replay, with_identities, with_moves


def edit_tracks_of_run(work: StageWork) -> Mapping[str, Any]:
    """Correct a run's tracks, and write them in both forms.

    Corrections that make no sense after another linking are left out, with a warning each.

    Raises:
        Interrupted: If somebody asked to stop; the tracks stay as they were.
        FormatError: If the tracks, the corrections or a part of the detections cannot be read.
    """
    record, run = work.record, work.record.run
    record.begin(total=record.manifest.frames.done)
    steps = corrections_of(run)
    edited, joints = replay(run, steps), skeleton(record.manifest.skeleton)
    record.warn(*edited.problems)
    frames = with_identities(_linked(work), edited)
    if not work.settings.refine.refiners:
        frames = with_moves(frames, edited, joints=joints)
    for _ in written_tracks(work, frames, names=edited.names):
        pass
    people = edited.people
    left = np.unique(people.ids[people.kept & (people.ids >= 0)])
    return {"tracks": len(left), "edited": digest(steps)}


def _linked(work: StageWork) -> Iterator[FramePoses]:
    """Every frame as linked, from a file that is kept.

    It keeps what refining made of the joints as well, for tracks that nobody corrects.
    """
    record, run = work.record, work.record.run
    kept, joints = work.files[run.linked.name], skeleton(record.manifest.skeleton)
    shutil.copyfile(linked_tracks(run), kept)
    linked, table = map(unrefined, read_poses(kept)), frames_of_run(run, record.manifest)
    return frames_looked_at(linked, table=table, joints=len(joints))


def check_edits(run: RunDirectory, manifest: Manifest) -> None:
    """Refuse tracks that are damaged, or were made with other corrections than the run has now.

    Raises:
        FormatError: If they are.
    """
    check_tracks(run, manifest)
    if corrections_wait(run, manifest):
        raise FormatError(f"{run.tracks}: made before the last corrections in {run.edits}")
