"""Boxes from outside, in the place of the network's own search.

Not here: reading them (:mod:`.opened_boxes`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posetube.errors import InputError
from posetube.network import Network
from posetube.structures import DoubleArray, FloatArray, Frame, IntArray, PoseTubes

from ..settings import DetectConfig
from ..storage.manifest import BoxesRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenBoxes:
    """The boxes of one video, R rows, in the order of its frames."""

    record: BoxesRecord
    """Where they come from."""

    frame: IntArray
    """(R,) index of each row's frame in the video, not decreasing."""

    boxes: FloatArray
    """(R, 4) pixels of the displayed frame."""

    scores: FloatArray
    """(R,) in [0, 1]; 1 where the file gives none."""

    notes: tuple[str, ...] = ()
    """What was assumed or left out, a line each."""

    times: DoubleArray | None = None
    """(F,) presentation time of each frame of the file, seconds; None where it has none, or where
    frames are matched by name."""

    where: str = "boxes"
    """What errors call the file."""

    def people(
        self,
        network: Network,
        features: Sequence[Any],
        indices: Sequence[int],
        *,
        judged: bool = False,
    ) -> PoseTubes:
        """The people of a clip's centre frame, with joints, as tubes of that frame alone.

        A network of several frames is given the same box in all of them.

        Args:
            network: Reads joints in boxes.
            features: What it keeps of the clip's frames.
            indices: Of these frames, in the video.
            judged: Whether its box head says which boxes are people; else all are.

        Raises:
            InputError: If the network cannot be given boxes.
        """
        find = getattr(network, "judge_boxes" if judged else "find_joints", None)
        if find is None:
            raise InputError(
                f"{type(network).__name__} cannot be given boxes; leave them out, or take a "
                "network with a keypoint head, such as tiny"
            )
        centre = len(indices) // 2
        first, end = np.searchsorted(self.frame, [indices[centre], indices[centre] + 1])
        tubes = np.repeat(self.boxes[first:end, None], len(indices), axis=1)
        more = {} if judged else {"scores": self.scores[first:end]}
        found: PoseTubes = find(features, indices, tubes=tubes, **more)
        return found.steps(slice(centre, centre + 1))


def refuse_nothing_to_judge(config: DetectConfig, *, given: bool) -> None:
    """Refuse settings that ask to judge boxes where none are given.

    Raises:
        InputError: If so.
    """
    if config.judge_boxes and not given:
        raise InputError("--judge-boxes: there are no boxes to judge; name a file with --boxes")


def checked_times(
    frames: Iterable[Frame], times: DoubleArray | None, *, where: str
) -> Iterator[Frame]:
    """A video's frames as they are, while their times are compared with those in a file.

    Args:
        frames: In rising order.
        times: (F,) of the file's frames, seconds; NaN or None: it has none.
        where: What errors call the file.

    Raises:
        InputError: If a frame lies half a frame or more elsewhere in the file. The first frame's
            time may differ: files often count from 0 where the video begins later.
    """
    steps = np.empty(0) if times is None else np.diff(times)
    step = float(np.median(steps[np.isfinite(steps)])) if np.isfinite(steps).any() else np.inf
    shift: float | None = None
    for frame in frames:
        if times is not None and frame.index < len(times) and np.isfinite(times[frame.index]):
            said = float(times[frame.index])
            shift = frame.time - said if shift is None else shift
            if abs(frame.time - said - shift) >= step / 2:
                raise InputError(
                    f"{where}: frame {frame.index} is at {said:.3f} s there, at "
                    f"{frame.time - shift:.3f} s in the video: they belong to another video, or to "
                    "some of its frames; frames are matched by index"
                )
        yield frame
