"""What a review works on: a run, its page, its video, and the corrections that are asked for."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from posetube.errors import InputError
from posetube.file_names import original
from posetube.structures import ByteArray

from ...datasets.video import Video
from ...datasets.video.writer import VideoWriter
from ..editing.correct_run import correct_run
from ..storage.run_directory import RunDirectory
from ..tracking.run_video import run_video
from .run_page import SeenVideo, run_page

State = tuple[int, int]
"""What tells a run's tracks from others: when they were written, and how long they are."""


class ReviewRun:
    """A run that somebody reviews; its methods may be called by several threads."""

    def __init__(self, run: RunDirectory, *, folder: Path) -> None:
        """Take a run.

        Args:
            run: It must be linked.
            folder: A folder of the review's own, for a copy of the video.
        """
        self._run, self._folder = run, folder
        self._seen = SeenVideo()
        self._page: tuple[State, bytes] | None = None
        self._working, self._copying = Lock(), Lock()

    def page(self) -> bytes:
        """The run's page, made again if the tracks have changed.

        Raises:
            FormatError: If the tracks, or the detections, are missing or damaged.
        """
        with self._working:
            file = self._run.tracks.stat()
            state = file.st_mtime_ns, file.st_size
            if self._page is None or self._page[0] != state:
                html = run_page(self._run, self._run.read(), seen=self._seen, review=True)
                self._page = state, html.encode()
            return self._page[1]

    def correct(self, words: str) -> str:
        """Make one correction, as ``posetube edit`` does; returns what came out.

        Raises:
            InputError: If it cannot be made, or another process is at work on the run.
        """
        with self._working:
            return correct_run(self._run, words)

    def wait(self) -> None:
        """Wait until a correction that is being made is in the tracks."""
        with self._working:
            pass

    def source(self) -> Path:
        """The run's video.

        Raises:
            InputError: If it is no file.
        """
        path = Path(original(self._run.read().source.path))
        if not path.is_file():
            raise InputError(f"{path} is not there")
        return path

    def copy(self) -> Path:
        """A copy of the video that every browser plays; made when it is first asked for.

        Raises:
            InputError: If the run has no video, or it is another one by now.
            MediaError: If it cannot be read.
        """
        path, manifest = self._folder / "copy.mp4", self._run.read()
        with self._copying:
            if not path.exists():
                config = manifest.settings.video
                with (
                    run_video(self._run, manifest, config=config, needed="to show") as video,
                    VideoWriter(path, size=video.size, rate=video.rate) as writer,
                ):
                    for picture, time in _pictures(video):
                        writer.write(picture, time)
        return path


def _pictures(video: Video) -> Iterator[tuple[ByteArray, float]]:
    for frame in video.frames():
        if frame.image is not None:
            yield frame.image, frame.time
