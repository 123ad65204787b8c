"""Follows people through a video, frame by frame, without looking ahead.

In each frame, the tracker predicts where every tracked person should be and links the detections
to these predictions in two rounds, as ByteTrack does: first the sure detections, then the doubtful
ones, which may continue a track but never start one. Each sure detection that is left over starts
a new track. A new track is reported once the person has been seen a few times. A person out of
sight keeps the track for some seconds.

Source: the two rounds follow Zhang et al., ByteTrack, ECCV 2022. Deviations: pose and motion count
as well as the box; gaps are measured in seconds, not frames; the rows from before a track is
confirmed are kept.

Not here: the published tracker of Detect-and-Track (:mod:`.paper`), repairs that look at the whole
video (:mod:`.offline`).
"""

import numpy as np

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import Detections, DoubleArray, FramePoses, IntArray

from .active_tracks import ActiveTracks
from .association import Links, associate
from .config import LinkConfig
from .delayed_output import DelayedFrame, DelayedOutput
from .detection_filter import complete_detections, usable_people

__all__ = ["LinkConfig", "Tracker"]

DEFAULTS = LinkConfig()
NO_TUBES = np.zeros(0, np.int64)


class Tracker:
    """Follows the people of one video; one object per video, which may be pickled between frames.

    Args:
        skeleton: The joints of the detections.
        config: Thresholds and weights. Its preset is not read: this is the tracker of ``online``,
            and the first pass of ``offline``.

    Examples:
        >>> from posetube.skeletons import COCO17
        >>> tracker = Tracker(skeleton=COCO17)
        >>> tracker.update(Detections.empty(17), frame=0, time=0.0)[0].track_ids
        array([], dtype=int64)
    """

    def __init__(self, *, skeleton: Skeleton, config: LinkConfig = DEFAULTS) -> None:
        self.skeleton = skeleton
        self.config = config
        self._active = self._nobody()
        self._delayed = DelayedOutput()
        self._births = 0
        self._last_id = 0
        self._frame = -1
        self._clock = 0.0
        self._latest = np.nan

    def update(
        self,
        people: Detections,
        *,
        frame: int,
        time: float,
        tubes: IntArray | None = None,
        camera: DoubleArray | None = None,
    ) -> list[FramePoses]:
        """Link one frame.

        Unusable detections are left out: a score that is NaN, a box without area, or a box that is
        not finite and cannot be computed from the joints.

        Args:
            people: N people, in any order.
            frame: Index of the frame; higher than in the previous call.
            time: Its presentation time, seconds. If it is NaN or not later than the previous one,
                no time has passed.
            tubes: (N,) number of the network's tube that each person lies on, the same over frames
                and clips, -1 for none; see :class:`posetube.tracker.tubes.TubeNumbers`.
            camera: (2, 3) affine map from the previously given frame's pixels to this one's; None:
                the camera did not move.

        Returns:
            The frames that are settled now, in order: often the one just given, sometimes none,
            sometimes several.

        Raises:
            InputError: If the frame does not come after the previous one, or a shape does not fit.
        """
        self._check(people, frame, tubes, camera)
        self._frame = frame
        seconds = self._pass_time(time)
        people, rows, similarity = usable_people(
            complete_detections(people),
            sigmas=self.skeleton.sigmas,
            min_score=self.config.min_score,
            max_people=self.config.max_people,
            duplicate_similarity=self.config.duplicate_similarity,
        )
        tubes = np.full(len(rows), -1) if tubes is None else tubes[rows]
        self._active = self._active.advanced(seconds, camera=camera)
        links = associate(
            self._active,
            people,
            similarity=similarity,
            tubes=tubes,
            skeleton=self.skeleton,
            config=self.config,
        )
        self._update_tracks(people, tubes, links, time)
        self._confirm()
        self._drop_lost()
        # A frame waits until everybody new in it has an id or has been dropped.
        return self._delayed.release(self._first_open_frame())

    def finish(self) -> list[FramePoses]:
        """End the video, and return the frames that were still waiting, in order.

        A person who appeared too late to be confirmed is reported if seen in every frame since.
        """
        self.cut()
        return self._delayed.release()

    def cut(self) -> None:
        """End all tracks, because the next frame shows another scene."""
        # There will be no more frames to confirm new tracks in; those never missed so far are
        # most likely people.
        never_missed = self._active.tentative & (self._active.hits == self._active.ages)
        self._give_ids(np.flatnonzero(never_missed))
        self._active = self._nobody()

    def _nobody(self) -> ActiveTracks:
        nobody = Detections.empty(len(self.skeleton))
        return ActiveTracks.born(nobody, tubes=NO_TUBES, first_birth=0, frame=0, time=0.0)

    def _check(
        self,
        people: Detections,
        frame: int,
        tubes: IntArray | None,
        camera: DoubleArray | None,
    ) -> None:
        joints = people.keypoints.shape[1]
        if joints != len(self.skeleton):
            raise InputError(
                f"Tracker.update: expected the {len(self.skeleton)} joints of "
                f"{self.skeleton.name}, got {joints} in frame {frame}"
            )
        if frame <= self._frame:
            raise InputError(
                f"Tracker.update: frames must rise, got {frame} after {self._frame}; "
                f"use a new tracker for each video"
            )
        if tubes is not None and tubes.shape != (len(people),):
            raise InputError(
                f"Tracker.update: expected tubes of shape ({len(people)},), got {tubes.shape}"
            )
        if camera is not None and (camera.shape != (2, 3) or not np.isfinite(camera).all()):
            raise InputError(
                f"Tracker.update: expected a finite (2, 3) camera map in frame {frame}, "
                f"got {np.asarray(camera).tolist()}"
            )

    def _pass_time(self, time: float) -> float:
        """Advance the clock; return the seconds since the previous frame, 0 if unknown."""
        # Times that go back do not turn the clock back: it adds up the steps forward.
        seconds = max(time - self._latest, 0.0) if np.isfinite(time - self._latest) else 0.0
        self._latest = np.fmax(self._latest, time if np.isfinite(time) else np.nan)
        self._clock += seconds
        return float(seconds)

    def _update_tracks(
        self, people: Detections, tubes: IntArray, links: Links, time: float
    ) -> None:
        """Update the tracks that were seen, start new ones, and queue the frame."""
        tracks = links.tracks.copy()
        linked = np.flatnonzero(tracks >= 0)
        fresh = np.flatnonzero(links.new)
        # New tracks get the rows after those of the active tracks, where they are appended below.
        tracks[fresh] = len(self._active) + np.arange(len(fresh))
        used, seen = linked, people[linked]
        self._active = self._active.seen(
            tracks[linked], seen, tubes=tubes[linked], time=self._clock
        )
        if len(fresh):
            born = ActiveTracks.born(
                people[fresh],
                tubes=tubes[fresh],
                first_birth=self._births,
                frame=self._frame,
                time=self._clock,
            )
            self._births += len(fresh)
            self._active = self._active.and_also(born)
            used = np.flatnonzero(tracks >= 0)
            seen = people[used]
        self._delayed.add(
            DelayedFrame(
                frame=self._frame,
                time=time,
                people=seen,
                births=self._active.births[tracks[used]],
                ids=self._active.ids[tracks[used]],
                margins=links.margins[used].astype(np.float32),
                costs=links.costs[used].astype(np.float32),
                gates=links.gates[used].astype(np.float32),
            )
        )

    def _confirm(self) -> None:
        ready = self._active.tentative & (self._active.hits >= self.config.confirm_hits)
        self._give_ids(np.flatnonzero(ready))

    def _give_ids(self, tracks: IntArray) -> None:
        ids = self._last_id + 1 + np.arange(len(tracks))
        self._last_id += len(tracks)
        for birth, track_id in zip(self._active.births[tracks], ids, strict=True):
            self._delayed.confirm(int(birth), int(track_id))
        self._active = self._active.with_ids(tracks, ids)

    def _drop_lost(self) -> None:
        """Drop tracks that were out of sight too long, or not confirmed in time."""
        active = self._active
        lost = self._clock - active.last_seen > self.config.max_gap
        failed = active.tentative & (active.ages >= self.config.confirm_frames)
        if (lost | failed).any():
            self._active = active[~(lost | failed)]

    def _first_open_frame(self) -> int | None:
        open_frames = self._active.first_frames[self._active.tentative]
        return int(open_frames.min()) if len(open_frames) else None
