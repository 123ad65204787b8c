"""People followed through a video, frame by frame, without looking ahead.

Each frame, every followed person is moved on to where motion says they should be, and the
detections are linked to them in two rounds (as ByteTrack does): first the sure ones, then, for
those still without one, the doubtful ones, which continue tracks but never start one. Sure
detections that are left over start tracks; a track counts once it has been seen a few times.
Somebody out of sight is waited for, for a time given in seconds.

Source: the two rounds follow Zhang et al., ByteTrack, ECCV 2022. Deviations: pose and motion count
beside the box; gaps are seconds, not frames; rows from before a track is confirmed are kept.

Not here: the published tracker of Detect-and-Track (:mod:`.paper`), repairs that look at the whole
video (:mod:`.offline`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import Detections, FramePoses, IntArray

from .admission import admitted
from .affinity import AffinityWeights, link_costs
from .assignment import margins, solve
from .cost import Doubles
from .live import LiveTracks
from .pending import PendingFrames, WaitingFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkConfig:
    """How detections become tracks."""

    min_score: float = 0.1
    """Detections less sure than this, in [0, 1], are left out."""

    sure_score: float = 0.4
    """Detections this sure, in [0, 1], are linked first and may start a track."""

    max_cost: float = 0.7
    """Sure detections are linked to a person below this cost, in (0, 1]."""

    weak_max_cost: float = 0.5
    """Doubtful detections are linked to a person below this cost, in (0, 1]."""

    max_gap: float = 0.8
    """How long a person may be out of sight and still keep the id, seconds."""

    confirm_hits: int = 3
    """In how many frames a person must be seen to count, 1 or more."""

    confirm_frames: int = 5
    """Within how many frames of the first sighting that must happen."""

    duplicate_similarity: float = 0.5
    """Pose similarity in [0, 1] from which two overlapping detections are one person."""

    overlap_weight: float = 2.0
    """How much box overlap counts in a link's cost, 0 or more."""

    pose_weight: float = 1.0
    """How much pose similarity counts, 0 or more."""

    motion_weight: float = 0.5
    """How much nearness to the predicted place counts, 0 or more."""

    max_people: int = 1000
    """Only this many detections of a frame, the surest, are looked at."""

    def __post_init__(self) -> None:
        for name in (
            "min_score",
            "sure_score",
            "max_cost",
            "weak_max_cost",
            "duplicate_similarity",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"LinkConfig.{name} must be in [0, 1], got {getattr(self, name)}")
        for name in ("max_gap", "overlap_weight", "pose_weight", "motion_weight"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"LinkConfig.{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("confirm_hits", "max_people"):
            if getattr(self, name) < 1:
                raise InputError(f"LinkConfig.{name} must be 1 or more, got {getattr(self, name)}")
        if self.confirm_frames < self.confirm_hits:
            raise InputError(
                f"LinkConfig.confirm_frames must be at least confirm_hits ({self.confirm_hits}), "
                f"got {self.confirm_frames}"
            )
        if not self.overlap_weight + self.pose_weight + self.motion_weight:
            raise InputError("LinkConfig: overlap_weight, pose_weight and motion_weight are all 0")


class Tracker:
    """Follows the people of one video; one object per video.

    Args:
        skeleton: The joints of the detections.
        config: Thresholds and weights.

    Examples:
        >>> from posetube.skeletons import COCO17
        >>> tracker = Tracker(skeleton=COCO17)
        >>> tracker.update(Detections.empty(17), frame=0, time=0.0)[0].track_ids
        array([], dtype=int64)
    """

    def __init__(self, *, skeleton: Skeleton, config: LinkConfig = LinkConfig()) -> None:
        self.skeleton = skeleton
        self.config = config
        self._live = self._nobody()
        self._pending = PendingFrames()
        self._births = 0
        self._last_id = 0
        self._frame = -1
        self._clock = 0.0
        self._latest = np.nan

    def update(self, people: Detections, *, frame: int, time: float) -> list[FramePoses]:
        """Link one frame.

        Detections that cannot be used (a box that is not finite and cannot be had from the joints,
        or has no area; a score that is NaN) are left out.

        Args:
            people: What was found, in any order.
            frame: Index of the frame; must rise.
            time: Its presentation time, seconds. A time that is NaN or does not rise counts as that
                of the frame before: no time has passed.

        Returns:
            The frames that are settled now, in order; often the one just given, sometimes none,
            sometimes several.

        Raises:
            InputError: If the frame does not come after the last one, or the joints are others.
        """
        self._check(people, frame)
        self._frame = frame
        seconds = self._pass_time(time)
        config = self.config
        people = admitted(
            people,
            sigmas=self.skeleton.sigmas,
            min_score=config.min_score,
            max_people=config.max_people,
            duplicate_similarity=config.duplicate_similarity,
        )
        self._live = self._live.advanced(seconds)
        track_of, margin = self._link(people)
        self._take_in(people, track_of, margin, time)
        self._confirm()
        self._forget()
        return self._pending.release(self._first_open_frame())

    def finish(self) -> list[FramePoses]:
        """End the video: the frames that were still waiting, in order.

        Somebody who appeared too late to be seen often enough counts if seen in every frame since.
        """
        self.cut()
        return self._pending.release()

    def cut(self) -> None:
        """End all tracks, because the next frame shows another scene."""
        never_missed = self._live.tentative & (self._live.hits == self._live.ages)
        self._give_ids(np.flatnonzero(never_missed))
        self._live = self._nobody()

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later, as arrays and numbers: see :meth:`restore`."""
        return {
            "births": self._births,
            "last_id": self._last_id,
            "frame": self._frame,
            "clock": self._clock,
            "latest": self._latest,
            "live": self._live.state(),
            "pending": self._pending.state(),
        }

    @classmethod
    def restore(
        cls, state: Mapping[str, Any], *, skeleton: Skeleton, config: LinkConfig = LinkConfig()
    ) -> "Tracker":
        """The tracker that :meth:`state` described; it goes on exactly as that one would."""
        tracker = cls(skeleton=skeleton, config=config)
        tracker._births = int(state["births"])
        tracker._last_id = int(state["last_id"])
        tracker._frame = int(state["frame"])
        tracker._clock = float(state["clock"])
        tracker._latest = float(state["latest"])
        tracker._live = LiveTracks.restore(state["live"])
        tracker._pending = PendingFrames.restore(state["pending"])
        return tracker

    def _nobody(self) -> LiveTracks:
        nobody = Detections.empty(len(self.skeleton))
        return LiveTracks.born(nobody, first_birth=0, frame=0, time=0.0)

    def _check(self, people: Detections, frame: int) -> None:
        joints = people.keypoints.shape[1]
        if joints != len(self.skeleton):
            raise InputError(
                f"Tracker.update: expected the {len(self.skeleton)} joints of "
                f"{self.skeleton.name}, got {joints} in frame {frame}"
            )
        if frame <= self._frame:
            raise InputError(
                f"Tracker.update: frames must rise, got {frame} after {self._frame}; "
                f"each video needs a tracker of its own"
            )

    def _pass_time(self, time: float) -> float:
        """Move the clock; the seconds since the frame before, 0 where they are not known."""
        seconds = max(time - self._latest, 0.0) if np.isfinite(time - self._latest) else 0.0
        self._latest = np.fmax(self._latest, time if np.isfinite(time) else np.nan)
        self._clock += seconds
        return float(seconds)

    def _link(self, people: Detections) -> tuple[IntArray, Doubles]:
        """For each detection, the row of its track or -1, and the link's margin."""
        config = self.config
        track_of, margin = np.full(len(people), -1), np.full(len(people), np.nan)
        sure = people.scores >= config.sure_score
        for group, limit in ((sure, config.max_cost), (~sure, config.weak_max_cost)):
            free = np.flatnonzero(~np.isin(np.arange(len(self._live)), track_of))
            found = np.flatnonzero(group)
            if not len(free) or not len(found):
                continue
            cost = self._costs(free, people[found])
            rows, columns = solve(cost, limit=limit)
            track_of[found[columns]] = free[rows]
            margin[found[columns]] = margins(cost, rows, columns, limit=limit)
        return track_of, margin

    def _costs(self, tracks: IntArray, people: Detections) -> Doubles:
        config = self.config
        weights = AffinityWeights(
            overlap=config.overlap_weight, pose=config.pose_weight, motion=config.motion_weight
        )
        motion = self._live.motion[tracks]
        return link_costs(motion, people, sigmas=self.skeleton.sigmas, weights=weights)

    def _take_in(
        self, people: Detections, track_of: IntArray, margin: Doubles, time: float
    ) -> None:
        """Correct the tracks that were seen, start new ones, and queue the frame."""
        linked = np.flatnonzero(track_of >= 0)
        fresh = np.flatnonzero((track_of < 0) & (people.scores >= self.config.sure_score))
        self._live = self._live.seen(track_of[linked], people[linked], time=self._clock)
        track_of[fresh] = len(self._live) + np.arange(len(fresh))
        born = LiveTracks.born(
            people[fresh], first_birth=self._births, frame=self._frame, time=self._clock
        )
        self._births += len(fresh)
        self._live = self._live.and_also(born)
        used = np.flatnonzero(track_of >= 0)
        self._pending.add(
            WaitingFrame(
                frame=self._frame,
                time=time,
                people=people[used],
                births=self._live.births[track_of[used]],
                ids=self._live.ids[track_of[used]],
                margins=margin[used].astype(np.float32),
            )
        )

    def _confirm(self) -> None:
        ready = self._live.tentative & (self._live.hits >= self.config.confirm_hits)
        self._give_ids(np.flatnonzero(ready))

    def _give_ids(self, tracks: IntArray) -> None:
        ids = self._last_id + 1 + np.arange(len(tracks))
        self._last_id += len(tracks)
        for birth, track_id in zip(self._live.births[tracks], ids, strict=True):
            self._pending.confirm(int(birth), int(track_id))
        self._live = self._live.with_ids(tracks, ids)

    def _forget(self) -> None:
        """Let go of people who have been out of sight too long, or were not seen often enough."""
        live = self._live
        lost = self._clock - live.last_seen > self.config.max_gap
        failed = live.tentative & (live.ages >= self.config.confirm_frames)
        self._live = live[~(lost | failed)]

    def _first_open_frame(self) -> int | None:
        open_frames = self._live.first_frames[self._live.tentative]
        return int(open_frames.min()) if len(open_frames) else None
