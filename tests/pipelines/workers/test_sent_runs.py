"""Runs that go to a worker's own folder and come back, in pieces."""

import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from posetube.datasets.video.inputs import find_inputs
from posetube.errors import FormatError, InputError
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import detect_stage
from posetube.pipelines.tracking.batch import InputOutcome
from posetube.pipelines.tracking.track_input import TrackTask
from posetube.pipelines.workers import sent_runs
from posetube.pipelines.workers.sent_runs import RunElsewhere, SentRuns, place
from posetube.pipelines.workers.worker_loop import Message, Stopped, VideoTask, WorkerSetup, work
from tests.pipelines.workers.conftest import results

pytestmark = pytest.mark.slow

ClipMaker = Callable[..., Path]
SMALL = 5000
"""Bytes of a piece."""


class Machine:
    """A worker that does not see the results, and no cluster between it and the first process."""

    def __init__(self, model: LoadedModel) -> None:
        self.elsewhere, self.runs, self._model = RunElsewhere(), SentRuns(), model
        self.pieces: list[int] = []
        self.said: list[Message] = []
        self.interrupt = Interrupt()
        self.stop_at: str = ""
        """Kind of event after which somebody asks to stop."""

    def track(self, task: TrackTask) -> Any:
        """Do a task there; what is said of it here."""
        self.do(task)
        return self.runs.gather(0, self.said[-1], self._piece)

    def do(self, task: TrackTask) -> None:
        """Do it, and leave the run there."""
        given = self.runs.send(0, VideoTask(track=task), self._take)
        tasks = iter([self.elsewhere.begin(given), None])
        setup = WorkerSetup(load=lambda: self._model, threads=1)
        work(setup, receive=lambda: next(tasks), send=self._hear, interrupt=self.interrupt)

    def _hear(self, message: Message) -> None:
        self.said.append(self.elsewhere.named(message))
        if isinstance(message, Event) and message.event == self.stop_at:
            self.interrupt.requested = True

    def _take(self, piece: bytes, offset: int) -> None:
        self.pieces.append(len(piece))
        self.elsewhere.take(piece, offset)

    def _piece(self, offset: int) -> bytes:
        piece = self.elsewhere.piece(offset)
        self.pieces.append(len(piece))
        return piece


@pytest.fixture
def machine(
    monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]
) -> Iterator[Machine]:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 8)
    monkeypatch.setattr(sent_runs, "PIECE", SMALL)
    found = Machine(make_model())
    yield found
    found.elsewhere.close()
    found.runs.close()


@pytest.fixture
def clip(make_clip: ClipMaker) -> Path:
    return make_clip("a.mp4", frames=30)


@pytest.fixture
def whole(clip: Path, track_here: Callable[..., int], tmp_path: Path) -> Path:
    """The folder of the same run, made where it lies."""
    folder = tmp_path / "whole"
    assert track_here("track", clip, "-o", folder / "a", "--no-overlay") == 0
    return folder


def task_of(clip: Path, folder: Path, **changes: Any) -> TrackTask:
    [item] = find_inputs([str(clip)])
    run = RunDirectory(folder / item.name)
    return TrackTask(item=item, run=run, config=TrackConfig(overlay=None), **changes)


def test_a_run_comes_back_in_small_pieces_with_the_same_bytes(
    machine: Machine, clip: Path, whole: Path, tmp_path: Path
) -> None:
    task = task_of(clip, tmp_path / "out")

    outcome = machine.track(task)

    assert outcome.exit_code == 0
    assert outcome.line.endswith(f" -> {task.run.tracks}")
    assert results(tmp_path / "out") == results(whole)
    assert len(machine.pieces) > 5
    assert max(machine.pieces) == SMALL
    made = {path.name for path in (whole / "a").iterdir()} - {"report.html"}
    assert {path.name for path in task.run.path.iterdir()} == made
    assert [path.name for path in task.run.path.parent.iterdir()] == ["a"]


def test_the_report_is_made_where_the_run_lies(
    machine: Machine, clip: Path, tmp_path: Path
) -> None:
    task = task_of(clip, tmp_path / "out")
    config = TrackConfig(overlay=None, report=True)

    machine.track(TrackTask(item=task.item, run=task.run, config=config))

    assert '"../../a.mp4"' in task.run.report.read_text()


def test_a_run_that_was_stopped_goes_on_from_its_parts(
    machine: Machine, clip: Path, whole: Path, tmp_path: Path
) -> None:
    task = task_of(clip, tmp_path / "out")
    machine.stop_at = "progress"

    assert isinstance(machine.track(task), Stopped)
    assert task.run.read().state == "partial"
    first = task.run.detections / "part-00000.parquet"
    content = first.read_bytes()
    machine.interrupt, machine.stop_at = Interrupt(), ""
    machine.said.clear()
    assert machine.track(task).exit_code == 0

    assert first.read_bytes() == content
    assert results(tmp_path / "out") == results(whole)
    looked_at = [m.done for m in machine.said if isinstance(m, Event) and m.stage == "detect"]
    assert looked_at[0] == 8


def test_a_worker_that_dies_leaves_the_run_as_it_was(
    machine: Machine, clip: Path, whole: Path, tmp_path: Path
) -> None:
    task = task_of(clip, tmp_path / "out")

    machine.do(task)
    with pytest.raises(InputError, match="another process is at work on this run"):
        machine.runs.send(1, VideoTask(track=task), machine.elsewhere.take)
    machine.runs.leave(0)
    assert not task.run.path.exists()

    machine.said.clear()
    assert machine.track(task).exit_code == 0
    assert results(tmp_path / "out") == results(whole)


def test_an_old_run_stays_until_the_new_one_is_there(
    machine: Machine, clip: Path, whole: Path
) -> None:
    """Also where the worker dies, and the scheduler says that another should go on."""
    before, run = results(whole), RunDirectory(whole / "a")
    run.edits.write_text("{}\n")
    (run.path / "notes.txt").write_text("mine")
    run.tracks.write_bytes(b"broken")
    machine.do(task_of(clip, whole, on_existing="overwrite"))
    assert run.tracks.read_bytes() == b"broken"
    machine.runs.leave(0)
    run.edits.unlink()
    machine.said.clear()

    assert machine.track(task_of(clip, whole, on_existing="resume")).exit_code == 0

    assert results(whole) == before
    assert (run.path / "notes.txt").read_text() == "mine"
    begun = [m.done for m in machine.said if isinstance(m, Event) and m.event == "progress"]
    assert begun[0] == 1  # from the beginning


def test_a_video_that_cannot_be_read_leaves_nothing(
    machine: Machine, clip: Path, tmp_path: Path
) -> None:
    clip.write_bytes(b"no video at all")

    outcome = machine.track(task_of(clip, tmp_path / "out"))

    assert outcome.failed
    assert str(clip) in outcome.line
    assert not (tmp_path / "out" / "a").exists()


def test_lines_name_the_run_where_it_belongs(machine: Machine, clip: Path, tmp_path: Path) -> None:
    task = task_of(clip, tmp_path / "out")
    machine.do(task)
    here = machine.elsewhere._here.path

    told = machine.elsewhere.named(Event(event="warning", run="a", text=f"{here}: odd"))
    ended = machine.elsewhere.named(InputOutcome(exit_code=1, line=f"{here}: bad", name="a"))
    assert told.text == f"{task.run.path}: odd"
    assert ended.line == f"{task.run.path}: bad"
    machine.runs.leave(0)


def test_files_that_came_damaged_are_refused(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "a")

    with pytest.raises(FormatError, match=r"a: its files came damaged: "):
        place(BytesIO(b"x" * 1000), run)
    assert not run.path.exists()


def test_exports_go_where_the_new_tracks_are_others(
    machine: Machine, clip: Path, whole: Path
) -> None:
    run = RunDirectory(whole / "a")
    with run.exporting(run.path / "a.csv"):
        (run.path / "a.csv").write_text("old")

    machine.track(task_of(clip, whole))
    assert (run.path / "a.csv").exists()
    machine.track(task_of(clip, whole, on_existing="overwrite"))
    assert not (run.path / "a.csv").exists()


def test_nothing_is_written_outside_a_run(tmp_path: Path) -> None:
    data = BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../elsewhere.txt"), BytesIO(b""))
    data.seek(0)
    with pytest.raises(FormatError, match=r"its files came damaged: .*elsewhere.txt' is no file"):
        place(data, RunDirectory(tmp_path / "runs" / "one"))
    assert not list(tmp_path.rglob("elsewhere.txt"))
