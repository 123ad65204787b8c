"""Videos of invented people with exact truth, drawn only when their frames are asked for.

A :class:`SyntheticClip` is one or more shots; each has its scene, cameras and actors whose poses
are settled when the clip is made. Not here: inventing them (:mod:`.direct`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from posetube.structures import ByteArray, FloatArray, VideoTracks

from .actor import Actor
from .body import parts
from .camera import Camera
from .flow import Flow, blurred, motion_to, optical_flow
from .render import Moment, Pose, SyntheticFrame, render
from .scene import Backdrop, Scene, backdrop
from .scene_config import SceneConfig
from .solids import Part
from .truth import collect_tracks

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A stretch of frames with one scene."""

    first: int
    """Moment at which it begins, counted over the clip's undisturbed frames."""

    scene: Scene
    """Where."""

    cameras: tuple[Camera, ...]
    """One per moment."""

    actors: tuple[Actor, ...]
    """Who."""

    def moment(self, step: int) -> Moment:
        """Draw the shot's moment ``step``, from 0."""
        poses = [
            Pose(track_id=actor.track_id, figure=actor.figure, joints=actor.joints[step])
            for actor in self.actors
        ]
        return render(self.scene, self.cameras[step], poses, empty=self._still)

    @cached_property
    def _still(self) -> Backdrop | None:
        """The scene as a camera that stays as it is sees it."""
        camera = self.cameras[0]
        still = all(other is camera for other in self.cameras)
        return backdrop(self.scene, camera) if still else None

    def solids(self, step: int) -> tuple[Part, ...]:
        """The parts of that moment, in the order of their numbers, not drawn."""
        people = (parts(actor.figure, actor.joints[step]) for actor in self.actors)
        return (*self.scene.things, *(part for solids in people for part in solids))


@dataclass(frozen=True, kw_only=True)
class SyntheticClip:
    """A clip that is drawn frame by frame when it is read."""

    config: SceneConfig
    """What was asked for."""

    seed: int
    """What chance started from."""

    shots: tuple[Shot, ...]
    """In order of time."""

    shown: npt.NDArray[np.int64]
    """(F,) the moment that each frame shows; frames may be left out or repeated."""

    times: Array
    """(F,) presentation times, seconds, rising."""

    gains: Array
    """(F,) brightness of each frame."""

    def __len__(self) -> int:
        return len(self.shown)

    def frames(self) -> Iterator[SyntheticFrame]:
        """Draw the frames, in order."""
        noise = _noise_plate(self.config, self.seed)
        last: SyntheticFrame | None = None
        for index in range(len(self)):
            again = self._again(index, last)
            last = again or self._frame(index, self.moment(index), noise)
            yield last

    def frames_with_flow(self) -> Iterator[tuple[SyntheticFrame, Flow | None]]:
        """Frames, each with what :meth:`flow` gives for it; every moment is drawn once."""
        noise = _noise_plate(self.config, self.seed)
        last: SyntheticFrame | None = None
        following = self.moment(0)
        for index in range(len(self)):
            moment = following
            last = self._again(index, last) or self._frame(index, moment, noise)
            if index + 1 < len(self):
                following = self.moment(index + 1)
            yield last, optical_flow(moment, following) if self._goes_on(index) else None

    def moment(self, index: int) -> Moment:
        """The buffers behind frame ``index``, without noise, blur and change of light."""
        shot = self._shot(int(self.shown[index]))
        return shot.moment(int(self.shown[index]) - shot.first)

    def flow(self, index: int) -> Flow | None:
        """Where the pixels of frame ``index`` go in the next; None at a cut and at the end."""
        if not self._goes_on(index):
            return None
        return optical_flow(self.moment(index), self.moment(index + 1))

    def _goes_on(self, index: int) -> bool:
        """Whether the frame after this one is of the same shot."""
        if index + 1 >= len(self):
            return False
        here, there = int(self.shown[index]), int(self.shown[index + 1])
        return self._shot(here) is self._shot(there)

    def tracks(self, *, skeleton: str = "coco17", min_visibility: float = 0.1) -> VideoTracks:
        """The truth as annotations; draws every frame once.

        Args:
            skeleton: Joint set to convert to, by name.
            min_visibility: People of whom less than this share is seen are left out.
        """
        return collect_tracks(
            self.frames(),
            source=f"synthetic_{self.seed}",
            size=self.config.size,
            times=self.times,
            skeleton=skeleton,
            min_visibility=min_visibility,
        )

    def _shot(self, moment: int) -> Shot:
        return next(shot for shot in reversed(self.shots) if shot.first <= moment)

    def _again(self, index: int, last: SyntheticFrame | None) -> SyntheticFrame | None:
        """The last frame once more, where it is shown again."""
        if last is None or self.shown[index] != self.shown[index - 1]:
            return None
        return replace(last, index=index, time=float(self.times[index]))

    def _frame(self, index: int, moment: Moment, noise: npt.NDArray[np.int16]) -> SyntheticFrame:
        image = moment.canvas.image
        if self.config.motion_blur:
            image = blurred(image, self._motion(index, moment), self.config.motion_blur)
        rng = np.random.default_rng((self.seed, index))
        image = _exposed(image, float(self.gains[index]), noise, rng)
        return SyntheticFrame(
            index=index,
            time=float(self.times[index]),
            image=image,
            people=moment.people,
            owner=moment.canvas.owner,
        )

    def _motion(self, index: int, moment: Moment) -> FloatArray:
        """(H, W, 2) motion of one frame's time; at a shot's end, that which led there."""
        shot = self._shot(int(self.shown[index]))
        step = int(self.shown[index]) - shot.first
        if step + 1 < len(shot.cameras):
            return motion_to(moment, shot.solids(step + 1), shot.cameras[step + 1])
        before = max(step - 1, 0)
        return -motion_to(moment, shot.solids(before), shot.cameras[before])


def _noise_plate(config: SceneConfig, seed: int) -> npt.NDArray[np.int16]:
    """Noise for more than a frame, of which every frame takes another cut."""
    height, width = config.size
    rng = np.random.default_rng((seed, 1 << 32))
    plate = rng.standard_normal((height + 48, width + 48, 3), dtype=np.float32)
    return np.asarray((plate * config.noise).round(), np.int16)


def _exposed(
    image: ByteArray, gain: float, noise: npt.NDArray[np.int16], rng: np.random.Generator
) -> ByteArray:
    y, x = rng.integers(0, 48, 2)
    grain = noise[y : y + image.shape[0], x : x + image.shape[1]]
    if gain != 1:
        image = np.asarray(cv2.convertScaleAbs(image, alpha=gain))
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)
