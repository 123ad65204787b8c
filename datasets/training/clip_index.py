"""Lists the training clips of a data set and reads each when it is asked for.

Not here: which frames make a clip (:mod:`posetube.datasets.training.clip_frames`), variations of a
clip (:mod:`posetube.datasets.training.augment`).
"""

from collections import OrderedDict
from dataclasses import fields, is_dataclass
from threading import Lock

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import Skeleton
from posetube.structures import BoolArray, IntArray, VideoTracks

from ..annotated_video import AnnotatedVideo, Dataset, Split
from .clip_frames import ClipConfig, training_clips
from .clip_reader import labeled_mask, read_clip
from .labelled_clip import LabelledClip

KEPT_BYTES = 256 * 2**20
"""Memory for the labels of a data set: all of PoseTrack's or Penn Action's take less."""

OBJECT_BYTES = 64
"""About what Python adds to a value; counts where a data set has a hundred thousand pictures."""


class ClipIndex:
    """The training clips of a data set.

    The labels of each video are read once and kept as long as all of them fit into ``kept_bytes``;
    of larger data sets, those of the videos used last are kept. Videos without their pictures have
    no clips, and those whose labels cannot be read have none either.

    Args:
        dataset: From :func:`posetube.datasets.people.open_people`.
        config: Which frames belong together.
        split: Only videos of this part; empty: all.
        masks: Whether clips have people's masks; videos in which nobody's is known have no clips.
        kept_bytes: Memory for labels.

    Raises:
        FormatError: If no video's labels can be read.
    """

    def __init__(
        self,
        *,
        dataset: Dataset,
        config: ClipConfig,
        split: Split = "",
        masks: bool = False,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._config, self._masks = config, masks
        self._videos = _RecentVideos(dataset, kept_bytes)
        self.places: list[tuple[str, IntArray]] = []
        """Video and frames of each clip."""
        self.broken: list[str] = []
        """What is wrong with the labels of each video that is left out."""
        names = dataset.videos()
        for name in names:
            try:
                video = self._videos.read(name)
            except FormatError as error:
                self.broken.append(str(error))
                if len(self.broken) == len(names):
                    raise
                continue
            if masks and video.tracks.masks is None:
                continue
            if video.media is not None and split in ("", video.split):
                clips = training_clips(labeled_mask(video), _occupied(video.tracks), config)
                self.places += [(name, frames) for frames in clips]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: int) -> LabelledClip:
        """Read a clip.

        Raises:
            MediaError: If a picture cannot be read.
        """
        name, frames = self.places[place]
        margin = self._config.pose_margin
        return read_clip(self._videos.read(name), frames, pose_margin=margin, masks=self._masks)

    def draw(self, rng: np.random.Generator) -> LabelledClip:
        """Read a random clip."""
        return self[int(rng.integers(len(self)))]


def _occupied(tracks: VideoTracks) -> BoolArray:
    """(F,) whether anybody is labelled in each frame."""
    return np.bincount(tracks.frame, minlength=len(tracks.frames)) > 0


class _RecentVideos:
    """The videos of a data set, those used last kept in memory; threads may share it."""

    def __init__(self, dataset: Dataset, limit: int) -> None:
        self._dataset, self._limit = dataset, limit
        self._kept: OrderedDict[str, AnnotatedVideo] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def read(self, name: str) -> AnnotatedVideo:
        # One reader at a time, so that no two threads read the same video.
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
            video = self._dataset.read(name)
            self._kept[name] = video
            self._bytes += label_bytes(video)
            while self._bytes > self._limit and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= label_bytes(oldest)
            return video


def label_bytes(value: object) -> int:
    """About the memory that labels take: arrays, texts and what holds them."""
    if isinstance(value, np.ndarray):
        texts = sum(map(len, value.tolist())) if value.dtype == object else 0
        return value.nbytes + texts + OBJECT_BYTES
    if isinstance(value, str):
        return len(value) + OBJECT_BYTES
    if isinstance(value, Skeleton):
        return 0  # all videos share it
    if isinstance(value, dict):
        value = tuple(value.values())
    elif is_dataclass(value):
        value = tuple(getattr(value, each.name) for each in fields(value))
    return OBJECT_BYTES + sum(map(label_bytes, value)) if isinstance(value, tuple) else 0
