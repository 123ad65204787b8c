"""The stages of a run, in order: what each needs, what it writes, and what it does.

A new stage is one row here and one function. :mod:`.run_session` does the rest: it keeps the
manifest, resumes, and takes care of what a stage makes out of date.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from posetube.errors import FormatError

from ..editing.edit_stage import check_edits, edit_tracks_of_run
from ..refining.refine_stage import refine_joints
from ..rendering.render_stage import draw_overlay, overlay_names
from ..reporting.report_stage import write_report
from ..settings import TrackConfig, detection_settings, refine_settings, track_settings
from ..storage.manifest import Manifest
from ..storage.part_check import check_parts, remedy
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import check_tracks
from .link_stage import link_detections
from .stage_work import ComingFrames, StageWork


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStage:
    """One stage of a run."""

    name: str
    """As the manifest and the progress name it."""

    needs: tuple[str, ...] = ()
    """The stages that must be complete: it reads their results."""

    follows: tuple[str, ...] = ()
    """Stages that need not be there; where one is, its results are part of what this one reads."""

    writes: Callable[[Manifest], tuple[str, ...]] = lambda _: ()
    """Files of the run's directory that appear when it is complete, in the order in which they do;
    none for a stage that adds to its results as it goes."""

    work: Callable[[StageWork], Mapping[str, Any]] | None = None
    """Does it; returns fields of the manifest."""

    find: Callable[[StageWork], ComingFrames] | None = None
    """In place of ``work``, of a stage that the next one need not wait for: does it frame by frame,
    as they are asked for."""

    reads: Callable[[TrackConfig], Any]
    """The settings that its result depends on, earlier stages' aside."""

    not_yet: str
    """What to say where somebody needs its result and it is not complete."""

    verify: Callable[[RunDirectory, Manifest], None] | None = None
    """Raises FormatError if results are damaged."""

    def check(self, run: RunDirectory, manifest: Manifest) -> None:
        """Look whether what the stage wrote is still there and whole.

        Raises:
            FormatError: If not.
        """
        for name in self.writes(manifest):
            if not (run.path / name).exists():
                raise FormatError(
                    f"{run.path / name} is missing; {remedy(run, manifest)} makes it again"
                )
        if self.verify is not None:
            self.verify(run, manifest)


def _detect(work: StageWork) -> ComingFrames:
    assert work.detections is not None
    return work.detections.frames(work.record)


TRACKS = ("tracks.parquet", "tracks.json")

LINKED = ("linked.parquet",)

STAGES = (
    RunStage(
        name="detect",
        find=_detect,
        reads=detection_settings,
        verify=check_parts,
        not_yet="not all frames were looked at yet",
    ),
    RunStage(
        name="link",
        needs=("detect",),
        writes=lambda _: TRACKS,
        work=link_detections,
        reads=track_settings,
        verify=check_tracks,
        not_yet="there are no tracks yet",
    ),
    RunStage(
        name="edit",
        needs=("detect", "link"),
        # the tracks as linked first: they must be there before the others replace them
        writes=lambda _: (*LINKED, *TRACKS),
        work=edit_tracks_of_run,
        reads=lambda settings: None,  # the corrections: see check_edits
        verify=check_edits,
        not_yet="the corrections are not in the tracks yet",
    ),
    RunStage(
        name="refine",
        needs=("detect", "link"),
        follows=("edit",),
        # corrected tracks keep beside them what refining made of those as linked
        writes=lambda run: (*(LINKED if run.finished("edit") else ()), *TRACKS),
        work=refine_joints,
        reads=lambda settings: refine_settings(settings.refine),
        verify=check_tracks,
        not_yet="the joints are not refined yet",
    ),
    RunStage(
        name="render",
        needs=("link",),
        follows=("edit", "refine"),
        writes=overlay_names,
        work=draw_overlay,
        reads=lambda settings: settings.overlay,
        not_yet="there is no overlay yet",
    ),
    RunStage(
        name="report",
        needs=("detect", "link"),
        follows=("edit", "refine"),
        writes=lambda _: ("report.html",),
        work=write_report,
        reads=lambda settings: None,
        not_yet="there is no report yet",
    ),
)
"""In the order in which a run goes through them."""


def stage_named(name: str) -> RunStage:
    """The row of this name."""
    return next(stage for stage in STAGES if stage.name == name)


def stages_after(name: str) -> Iterator[RunStage]:
    """The stages whose results are out of date when this one's are made anew, in order."""
    stale = {name}
    for stage in STAGES:
        if stale & {*stage.needs, *stage.follows}:
            stale.add(stage.name)
            yield stage
