"""The life of a run: the one place that locks it, resumes it, and keeps its manifest true.

A job opens a session on a run's directory and names the stages it wants. The session does those
that are not complete, in the order of :mod:`.stages`, and notes in ``run.json`` what happened:
``running``, then ``complete`` or ``partial``, or ``failed`` with the error. Results of a stage take
the place of earlier ones only when they are finished: whoever stops a job, or whatever makes it
fail, leaves the earlier ones. When new results take their place, what was made of the old ones is
removed: files of later stages, and exports that lie in the run's folder.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from posetube.atomic_files import flush, unfinished
from posetube.errors import FormatError, InputError

from ...datasets.video import Video
from ..failures import Interrupted, one_line
from ..loaded_model import LoadedModel
from ..native_memory import claim_native_memory
from ..progress import JsonLines
from ..settings import TrackConfig
from ..storage.edit_journal import corrections_of
from ..storage.existing_run import OnExisting, start_manifest
from ..storage.manifest import Manifest
from ..storage.part_check import remedy
from ..storage.recorder import Recorder
from ..storage.run_directory import RunDirectory
from ..watch import Watch
from .stage_work import ComingFrames, DetectionSource, StageWork
from .stages import STAGES, RunStage, stage_named, stages_after

TRACKS = "tracks.parquet"
"""The file that exports are made of."""


class RunSession:
    """One job at work on a run that it has locked."""

    def __init__(self, record: Recorder, settings: TrackConfig) -> None:
        self.record = record
        self.settings = settings
        """The settings to work by; those of the manifest are what its results were made with."""

    @property
    def manifest(self) -> Manifest:
        """The manifest as it stands."""
        return self.record.manifest

    def require(self, name: str) -> None:
        """Refuse to work on a run in which a stage is not complete.

        Raises:
            InputError: If it is not.
            FormatError: If what it wrote is missing or damaged.
        """
        stage, run = stage_named(name), self.record.run
        if not self.manifest.finished(name):
            raise InputError(
                f"{run.path}: {stage.not_yet} (state {self.manifest.state}); "
                f"{remedy(run, self.manifest)} goes on with it"
            )
        stage.check(run, self.manifest)

    def after_linking(self) -> list[str]:
        """The stages that make of linked tracks what the run wants: corrected, refined."""
        run, refine = self.record.run, (self.settings.refine, self.manifest.settings.refine)
        corrected = corrections_of(run) or self.manifest.finished("edit")
        # also where none are wanted any more: then the joints as linked come back
        refined = any(config.refiners for config in refine)
        return ["edit"] * bool(corrected) + ["refine"] * refined

    def run_stages(
        self,
        *names: str,
        anew: bool = False,
        detections: DetectionSource | None = None,
        video: Video | None = None,
        model: LoadedModel | None = None,
        notes: Sequence[str] = (),
    ) -> Manifest:
        """Do the stages that are not complete.

        Args:
            names: Which, by name.
            anew: Do complete ones again too.
            detections: Where detections come from; needed by the stage ``detect``.
            video: The open video; needed by ``render``, and by refiners of heatmaps, which open
                it themselves if need be.
            model: The network, for refiners of heatmaps, which load it themselves if need be.
            notes: Warnings to keep in the manifest.

        Returns:
            The manifest as it stands at the end.

        Raises:
            PoseTubeError: If a stage cannot be done; the class says why. Where what it needs is
                not complete, the run stays as it is.
            Interrupted: If somebody asked to stop; the same line goes on.
        """
        record = self.record
        given = partial(StageWork, detections=detections, video=video, model=model)
        for needed in {need for name in names for need in stage_named(name).needs} - {*names}:
            self.require(needed)
        record.update(state="running", error=None)
        with record.run.events.open("a", encoding="utf-8") as stream:
            record.listeners.append(JsonLines(stream))
            try:
                claim_native_memory()
                record.warn(*notes)
                with record.interrupt.deferred():
                    self._do_all(names, given, anew=anew)
            except (Interrupted, KeyboardInterrupt, BrokenPipeError):
                # Not failed: nothing is wrong, and the same line goes on.
                record.update(state="partial")
                record.end("interrupted")
                raise
            except Exception as error:
                with suppress(OSError):  # a full disk must not hide what went wrong
                    record.update(state="failed", error=one_line(error))
                    record.end(one_line(error))
                raise
            record.update(state=self.manifest.final_state)
            record.end(summary(record.run, self.manifest))
        return self.manifest

    def complete(self, name: str) -> bool:
        """Whether a stage is done by today's settings, and what it wrote is there and whole."""
        stage = stage_named(name)
        if not self.manifest.finished(name):
            return False
        if stage.reads(self.manifest.settings) != stage.reads(self.settings):
            return False
        try:
            stage.check(self.record.run, self.manifest)
        except FormatError:
            return False
        return True

    def _do_all(self, names: Sequence[str], given: Callable[..., StageWork], *, anew: bool) -> None:
        """Do the stages that are not complete; one that finds frames works while the next does."""
        assert "link" in names or "detect" not in names  # linking is who asks for the frames
        coming: ComingFrames | None = None
        for stage in STAGES:
            if stage.name not in names:
                continue
            if not anew and coming is None and self.complete(stage.name):
                continue
            if stage.find is None:
                self._do(stage, given, coming)
                coming = None
            else:
                coming = self._found(stage, given)

    def _found(self, stage: RunStage, given: Callable[..., StageWork]) -> ComingFrames:
        """Do a stage that finds frames, as they are asked for."""
        assert stage.find is not None
        with self.record.timed(stage.name):
            self._supersede(stage)  # its results change from now on
            work = given(record=self.record, settings=self.settings, files={})
            found = yield from stage.find(work)
        self.record.finish(stage.name, **found)
        return found

    def _do(
        self, stage: RunStage, given: Callable[..., StageWork], coming: ComingFrames | None
    ) -> None:
        assert stage.work is not None
        folder = self.record.run.path
        files = {name: unfinished(folder / name) for name in stage.writes(self.manifest)}
        work = given(record=self.record, settings=self.settings, files=files, coming=coming)
        try:
            with self.record.timed(stage.name), closing(coming) if coming else nullcontext():
                # Files are written aside: a kill or an error meanwhile leaves the old results.
                found = stage.work(work)
                for path in files.values():
                    flush(path)
                self._supersede(stage)
                self._remove_outdated(stage)
                for name, path in files.items():
                    path.replace(folder / name)
                flush(folder)
            # Complete only once everything has its name: a kill before this line does it again.
            self.record.finish(stage.name, **found)
        finally:
            for path in files.values():
                path.unlink(missing_ok=True)

    def _supersede(self, stage: RunStage) -> None:
        """Note that the stage's results, and what was made of them, no longer count."""
        gone = {later.name for later in stages_after(stage.name)}
        if self.manifest.finished(stage.name):
            gone.add(stage.name)
        kept = {name: done for name, done in self.manifest.stages.items() if name not in gone}
        if (kept, self.settings) != (self.manifest.stages, self.manifest.settings):
            self.record.update(stages=kept, settings=self.settings)

    def _remove_outdated(self, stage: RunStage) -> None:
        """Remove what was made of the stage's earlier results."""
        folder, later = self.record.run.path, list(stages_after(stage.name))
        # what the stage writes itself takes the place of the old file in one step
        own = stage.writes(self.manifest)
        names = [name for one in later for name in one.writes(self.manifest) if name not in own]
        if TRACKS in (*own, *names):
            names += [name for name in self.manifest.exports if Path(name).name == name]
        for path in [folder / name for name in names]:
            if path.is_file():
                path.unlink()
                self.record.say(f"removed {path}: made of earlier results")
            elif path.is_dir():  # somebody may have added files of their own
                self.record.say(f"{path} is made of earlier results")
        if TRACKS in own and self.manifest.exports:
            self.record.update(exports=())


@contextmanager
def open_session(
    run: RunDirectory,
    *,
    fresh: Manifest | None = None,
    on_existing: OnExisting = "resume",
    watch: Watch | None = None,
) -> Iterator[RunSession]:
    """Lock a run's directory, and read its manifest once it is locked.

    Args:
        run: The directory.
        fresh: The manifest of a new run, for jobs that begin one; None: the run must exist.
        on_existing: What to do where the directory holds a run; for jobs that begin one.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Raises:
        InputError: If another process is at work on it, or the directory cannot be used.
        FormatError: If ``run.json`` does not follow its format.
    """
    if fresh is None:
        run.read()  # before a folder is made for the lock
    with run.locked():
        if fresh is None:
            run.clean()
            # Again: who had the lock until now may have changed it.
            manifest = run.read()
            settings = manifest.settings
        else:
            manifest = start_manifest(run, fresh, on_existing)
            # Tracking again without an overlay does not forget how the old one looked.
            overlay = fresh.settings.overlay or manifest.settings.overlay
            settings = replace(fresh.settings, overlay=overlay)
        record = Recorder(run, manifest, watch=watch)
        yield RunSession(record, settings)


def summary(run: RunDirectory, manifest: Manifest, *, stages: Sequence[str] = ()) -> str:
    """One line that says what came out, how fast the stages were (none: all), and where it is."""
    frames = manifest.frames
    stages = stages or [*manifest.stages]
    spent = sum(manifest.stages[name].seconds for name in stages)
    # one picture has no rate
    speed = f", {frames.done / spent:.1f} frames/s" if spent and frames.done > 1 else ""
    lost = f", {frames.missing} missing" if frames.missing else ""
    shown = (name for name in ("report", "render") if name in stages and manifest.finished(name))
    named = next((stage_named(name).writes(manifest)[0] for name in shown), run.tracks.name)
    result = run.path / named
    return (
        f"{manifest.source.name}: {_counted(manifest.tracks or 0, 'track')}, "
        f"{_counted(frames.done, 'frame')} ({frames.corrupt} corrupt{lost}){speed} -> {result}"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
