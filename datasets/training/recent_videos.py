"""A data set that remembers the videos it has read last, for those who draw clips at random.

Not here: the clips (:mod:`posetube.datasets.training.clips`).
"""

from threading import Lock

from posetube.errors import InputError

from ..readers.annotated_video import AnnotatedVideo, Counts, Dataset


class RecentVideos:
    """The same data set; a video that was read lately is not read again.

    Annotations alone are remembered, never pictures. Several threads may read.

    Args:
        dataset: Any.
        poses: People and frames, of all videos together, that are remembered at most, 1 or more. A
            person with 17 joints takes about 0.5 KB, so that 500,000 take 250 MB at most; the
            training parts of PoseTrack18 and Penn Action have fewer.
    """

    def __init__(self, dataset: Dataset, *, poses: int = 500_000) -> None:
        if poses < 1:
            raise InputError(f"RecentVideos.poses must be 1 or more, got {poses}")
        self._dataset, self._most = dataset, poses
        self._kept: dict[str, AnnotatedVideo] = {}  # the latest last
        self._rows = 0
        self._lock = Lock()

    @property
    def name(self) -> str:
        """As on the command line."""
        return self._dataset.name

    @property
    def whole(self) -> Counts | None:
        """What the complete release holds; None where that is not known."""
        return self._dataset.whole

    def videos(self) -> tuple[str, ...]:
        """Names of the videos whose annotations are there, in the data set's order."""
        return self._dataset.videos()

    def read(self, video: str) -> AnnotatedVideo:
        """One video, remembered or read."""
        with self._lock:
            found = self._kept.pop(video, None)
            if found is not None:
                self._kept[video] = found
                return found
        found = self._dataset.read(video)
        with self._lock:
            self._remember(video, found)
        return found

    def _remember(self, video: str, found: AnnotatedVideo) -> None:
        if video in self._kept:  # another thread was quicker
            return
        self._kept[video] = found
        self._rows += _rows(found)
        while self._rows > self._most:
            oldest = next(iter(self._kept))
            self._rows -= _rows(self._kept.pop(oldest))


def _rows(video: AnnotatedVideo) -> int:
    """People and frames alike take memory."""
    return len(video.tracks.frame) + len(video.tracks.frames)
