"""Videos of synthetic people with exact ground truth, rendered when their frames are read.

A :class:`SyntheticClip` is one or more shots; each has a scene, cameras, and actors whose poses are
known from the beginning. :mod:`.clip_generator` draws clips at random.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from posetube.structures import ByteArray, FloatArray, IntArray, VideoTracks

from .actor import Actor
from .body import body_primitives
from .camera import Camera
from .flow import Flow, motion_blur, motion_to, optical_flow
from .ground_truth import collect_tracks
from .primitives import Primitive
from .render import Moment, PosedFigure, SyntheticFrame, render_moment
from .scene import Backdrop, Scene, render_backdrop
from .scene_config import SceneConfig
from .vector_math import Array


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A run of moments with one scene, between two cuts."""

    first: int
    """Index of its first moment in the clip, before frames are dropped or duplicated."""

    scene: Scene
    """Where it is."""

    cameras: tuple[Camera, ...]
    """One per moment."""

    actors: tuple[Actor, ...]
    """The people."""

    def moment(self, step: int) -> Moment:
        """Render the shot's moment ``step``, from 0."""
        people = [
            PosedFigure(track_id=actor.track_id, figure=actor.figure, joints=actor.joints[step])
            for actor in self.actors
        ]
        return render_moment(self.scene, self.cameras[step], people, backdrop=self._still)

    @cached_property
    def _still(self) -> Backdrop | None:
        """The scene without people, if the camera stands still; rendered once per shot."""
        camera = self.cameras[0]
        still = all(other is camera for other in self.cameras)
        return render_backdrop(self.scene, camera) if still else None

    def primitives(self, step: int) -> tuple[Primitive, ...]:
        """The primitives of that moment, in the order of their numbers, without rendering them."""
        bodies = (body_primitives(actor.figure, actor.joints[step]) for actor in self.actors)
        return (*self.scene.props, *(primitive for body in bodies for primitive in body))


@dataclass(frozen=True, kw_only=True)
class SyntheticClip:
    """A clip that is rendered frame by frame when it is read."""

    config: SceneConfig
    """What the clip shows."""

    seed: int
    """Seed of the random generator."""

    shots: tuple[Shot, ...]
    """In order of time."""

    shown: IntArray
    """(F,) index of the moment that each frame shows; moments may be left out or repeated."""

    times: Array
    """(F,) presentation times, seconds, increasing."""

    gains: Array
    """(F,) brightness of each frame."""

    def __len__(self) -> int:
        return len(self.shown)

    def frames(self) -> Iterator[SyntheticFrame]:
        """Render the frames, in order."""
        noise = _noise_plate(self.config, self.seed)
        last: SyntheticFrame | None = None
        for index in range(len(self)):
            last = self._repeated(index, last) or self._frame(index, self.moment(index), noise)
            yield last

    def frames_with_flow(self) -> Iterator[tuple[SyntheticFrame, Flow | None]]:
        """Render the frames, each with the optical flow to the next, None before a cut and the end.

        Every moment is rendered only once.
        """
        noise = _noise_plate(self.config, self.seed)
        last: SyntheticFrame | None = None
        following = self.moment(0)
        for index in range(len(self)):
            moment = following
            last = self._repeated(index, last) or self._frame(index, moment, noise)
            # The next moment is rendered here, for its flow, and kept for the next frame.
            if index + 1 < len(self):
                following = self.moment(index + 1)
            yield last, optical_flow(moment, following) if self._continues(index) else None

    def moment(self, index: int) -> Moment:
        """Render what frame ``index`` shows, without noise, motion blur and change of light."""
        shot = self._shot(int(self.shown[index]))
        return shot.moment(int(self.shown[index]) - shot.first)

    def _continues(self, index: int) -> bool:
        """Whether the next frame belongs to the same shot."""
        if index + 1 >= len(self):
            return False
        here, there = int(self.shown[index]), int(self.shown[index + 1])
        return self._shot(here) is self._shot(there)

    def tracks(self, *, skeleton: str = "coco19", min_visibility: float = 0.1) -> VideoTracks:
        """The ground truth as tracks; renders every frame once.

        Args:
            skeleton: Joint set to convert to, by name.
            min_visibility: People are left out of frames in which less than this share is visible.
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

    def _repeated(self, index: int, last: SyntheticFrame | None) -> SyntheticFrame | None:
        """The last frame, if frame ``index`` repeats it; else None."""
        if last is None or self.shown[index] != self.shown[index - 1]:
            return None
        return replace(last, index=index, time=float(self.times[index]))

    def _frame(self, index: int, moment: Moment, noise: npt.NDArray[np.int16]) -> SyntheticFrame:
        image = moment.canvas.image
        if self.config.motion_blur:
            image = motion_blur(image, self._motion(index, moment), self.config.motion_blur)
        # Seeded by frame, so that a frame looks the same whatever was rendered before it.
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
        """(H, W, 2) motion until the next moment; at the end of a shot, since the one before."""
        shot = self._shot(int(self.shown[index]))
        step = int(self.shown[index]) - shot.first
        if step + 1 < len(shot.cameras):
            return motion_to(moment, shot.primitives(step + 1), shot.cameras[step + 1])
        before = max(step - 1, 0)
        return -motion_to(moment, shot.primitives(before), shot.cameras[before])


def _noise_plate(config: SceneConfig, seed: int) -> npt.NDArray[np.int16]:
    """Noise larger than a frame: every frame takes a crop, which costs less than fresh noise."""
    height, width = config.size
    rng = np.random.default_rng((seed, 1 << 32))
    plate = rng.standard_normal((height + 48, width + 48, 3), dtype=np.float32)
    return np.asarray((plate * config.noise).round(), np.int16)


def _exposed(
    image: ByteArray, gain: float, noise: npt.NDArray[np.int16], rng: np.random.Generator
) -> ByteArray:
    """Change the brightness and add sensor noise."""
    y, x = rng.integers(0, 48, 2)
    grain = noise[y : y + image.shape[0], x : x + image.shape[1]]
    if gain != 1:
        image = np.asarray(cv2.convertScaleAbs(image, alpha=gain))
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)
