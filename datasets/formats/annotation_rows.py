"""Collects the rows of a :class:`VideoTracks` while a file is read person by person.

Numbers go straight into flat arrays, so that a file's people are never held as Python objects all
at once. Shared by the readers of this folder. Not here: how a format spells a person.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.skeletons import SKELETONS, Skeleton
from posetube.structures import DoubleArray, FrameTable, IntArray, JointState, VideoTracks

from ..files.checked_values import MAX_PIXEL

MAX_PEOPLE = 1_000
"""More people than this in one frame are refused: no such picture exists."""

LARGEST_ID = (1 << 53) - 1
"""Identities beyond this are refused: they are not exact in JSON."""

NO_JOINTS = Skeleton(name="boxes", joints=())
"""The joints of people who are given as boxes only."""

WHOLE = re.compile(r"[0-9]{1,15}(\.0*)?", re.ASCII)
"""An identity that is a number, though written as a text."""

OUR_NAME = re.compile(r"track_([0-9]{1,15})", re.ASCII)
"""What :func:`name_of` calls people whose names are not known."""

UNKNOWN = float("nan")
NO_BOX = (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)


class AnnotationRows:
    """Collects people, K joints each; raises ValueError where one is wrong."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.joints = len(skeleton)
        """Number of joints of each person, K."""

        self._frame, self._ids, self._states = array("q"), array("q"), array("B")
        self._boxes, self._heads, self._people = array("d"), array("d"), array("d")
        self._points, self._scores = array("d"), array("d")
        self._crowd = Counter[int]()
        self._masks: list[bytes] = []
        self._names: dict[str, int] = {}

    def add(
        self,
        *,
        frame: int,
        track_id: float | str | None,
        points: Sequence[float | None] | None,
        scores: Sequence[float | None] | None = None,
        box: Sequence[float] = NO_BOX,
        head_box: Sequence[float] = NO_BOX,
        score: float | None = None,
        state: int = 0,
        mask: bytes = b"",
    ) -> None:
        """Append one person of one frame.

        Args:
            frame: Index of the frame.
            track_id: Identity; None where the file gives none. A name gets a number of its own,
                see :meth:`table`.
            points: x, y, v of each joint, 3 K numbers; all three 0 where the joint is absent, or
                NaN or None; None where no joint is known.
            scores: One per joint, further ones are left out; None where not given.
            box: x1 y1 x2 y2.
            head_box: x1 y1 x2 y2.
            score: Of the whole person.
            state: :class:`posetube.structures.RowState`.
            mask: As :mod:`posetube.masks` keeps it; empty: not known.
        """
        self._crowd[frame] += 1
        if self._crowd[frame] > MAX_PEOPLE:
            raise ValueError(f"the frame has more than {MAX_PEOPLE} people")
        if points is None:
            points = [0.0] * (3 * self.joints)
        if len(points) != 3 * self.joints:
            raise ValueError(f"expected 3 x {self.joints} numbers for its joints, "
                             f"got {len(points)}")  # fmt: skip
        self._frame.append(frame)
        self._ids.append(self._identity(track_id))
        self._states.append(state)
        self._points.extend(UNKNOWN if number is None else number for number in points)
        self._scores.extend(self._joint_scores(scores))
        self._boxes.extend(box)
        self._heads.extend(head_box)
        self._people.append(UNKNOWN if score is None else score)
        self._masks.append(mask)

    @property
    def order(self) -> IntArray:
        """(R,) places of the rows, sorted by frame as in :meth:`table`."""
        return np.argsort(np.array(self._frame, np.int64), kind="stable")

    def _identity(self, value: float | str | None) -> int:
        """The number of a person; of a name, until all numbers are known, one below -1."""
        if value is None:
            return -1
        if isinstance(value, str) and not WHOLE.fullmatch(value):
            return -2 - self._names.setdefault(value, len(self._names))
        number = float(value)
        if number != int(number) or not 0 <= number <= LARGEST_ID:
            raise ValueError(f"track id must be a whole number from 0, got {number:g}")
        return int(number)

    def _joint_scores(self, scores: Sequence[float | None] | None) -> list[float]:
        if not scores:
            return [UNKNOWN] * self.joints
        if len(scores) < self.joints:
            raise ValueError(f"expected {self.joints} joint scores, got {len(scores)}")
        return [UNKNOWN if score is None else score for score in scores[: self.joints]]

    def table(
        self,
        path: Path,
        frames: FrameTable | int,
        *,
        source: str = "",
        size: tuple[int, int] | None = None,
    ) -> VideoTracks:
        """Everybody, sorted by frame, within a frame in the order in which they came.

        People who have names for identities are numbered from 1, or after the largest number.

        Args:
            path: The file that was read.
            frames: Of the video, or only how many there are.
            source: What to call the video; the file's name where empty.
            size: Height and width of the frames, pixels; None where not known.

        Raises:
            FormatError: If a number is beyond what any picture or score has; names ``path``, frame
                and person.
        """
        frames = FrameTable(times=np.full(frames, np.nan)) if isinstance(frames, int) else frames
        self._check(frames, where=str(path))
        rows, k = len(self._frame), self.joints
        frame, order = np.array(self._frame, np.int64), self.order
        triples = np.array(self._points, np.float64).reshape(rows, k, 3)[order]
        keypoints, joint_states = _without_absent(triples)
        ids = np.array(self._ids, np.int64)
        first = max(int(ids.max(initial=-1)), 0) + 1
        # Only now is the largest number known, behind which names are numbered.
        ids = np.where(ids < -1, first - 2 - ids, ids)
        return VideoTracks(
            source=source or path.stem,
            size=size,
            skeleton=self.skeleton,
            frames=frames,
            frame=frame[order],
            track_ids=ids[order],
            track_names={first + place: name for name, place in self._names.items()},
            boxes=np.array(self._boxes, np.float32).reshape(rows, 4)[order],
            scores=np.array(self._people, np.float32)[order],
            keypoints=keypoints,
            keypoint_scores=np.array(self._scores, np.float64).reshape(rows, k)[order],
            states=np.array(self._states, np.uint8)[order],
            masks=np.array(self._masks, object)[order] if any(self._masks) else None,
            joint_states=joint_states,
            head_boxes=np.array(self._heads, np.float64).reshape(rows, 4)[order],
        )

    def _check(self, frames: FrameTable, *, where: str) -> None:
        for numbers in (self._points, self._scores, self._boxes, self._heads, self._people):
            beyond = np.flatnonzero(np.abs(np.array(numbers, np.float64)) > MAX_PIXEL)
            if len(beyond):
                row = int(beyond[0]) * len(self._frame) // len(numbers)
                frame = self._frame[row]
                raise FormatError(
                    f"{where}: frame {frames.names[frame] if frames.names else frame}, person "
                    f"{row + 1} of the file: a number is beyond {MAX_PIXEL:g}"
                )


@contextmanager
def located(where: str) -> Iterator[None]:
    """Turn a ValueError of the block into a FormatError that begins with the place."""
    try:
        yield
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from None


def _without_absent(triples: DoubleArray) -> tuple[DoubleArray, np.ndarray]:
    """Positions (R, K, 2), NaN where absent, and (R, K) :class:`JointState`."""
    absent = (triples == 0).all(axis=-1) | np.isnan(triples[..., :2]).any(axis=-1)
    seen = np.where(triples[..., 2] > 0, JointState.VISIBLE, JointState.OCCLUDED)
    states = np.where(absent, JointState.ABSENT, seen).astype(np.uint8)
    return np.where(absent[..., None], UNKNOWN, triples[..., :2]), states


def ids_of_names(names: Sequence[str]) -> dict[str, int]:
    """Id of each name: the number in names like ``track_7``, else the place among the names."""
    ours = [OUR_NAME.fullmatch(name) for name in names]
    if all(ours):
        return {name: int(match[1]) for name, match in zip(names, ours, strict=True) if match}
    return {name: place for place, name in enumerate(names)}


def names_of_ids(ids: dict[str, int]) -> dict[int, str]:
    """Names that :func:`ids_of_names` has numbered; none where they tell no more than the id."""
    named = {number: name for name, number in ids.items() if name}
    return {} if all(map(OUR_NAME.fullmatch, named.values())) else named


def refuse_nameless(tracks: VideoTracks, *, where: object) -> None:
    """Refuse people whom nothing tells apart, for formats that must.

    Raises:
        InputError: If somebody has no identity; names the frame.
    """
    nameless = np.flatnonzero(tracks.track_ids < 0)
    if len(nameless):
        frame = tracks.frame[nameless[0]]
        raise InputError(f"{where}: frame {frame}: a person has no track id")


def name_of(tracks: VideoTracks, track_id: int) -> str:
    """What a file of names calls a person."""
    return tracks.track_names.get(track_id, f"track_{track_id}")


def corners(box: Sequence[float], *, name: str) -> Sequence[float]:
    """x, y, width, height to x1 y1 x2 y2; NaN for an empty list, as files have where unknown."""
    if not box:
        return NO_BOX
    if len(box) != 4:
        raise ValueError(f"expected 4 numbers in {name}, got {len(box)}")
    x, y, width, height = box
    return x, y, x + width, y + height


def skeleton_of(joints: tuple[str, ...], *, name: str) -> Skeleton:
    """The joint set with exactly these joints, or a new one of this name."""
    for known in SKELETONS.values():
        if known.joints == joints:
            return known
    return Skeleton(name=name, joints=joints)
