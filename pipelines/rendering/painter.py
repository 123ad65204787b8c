"""Draws the people of a frame over its picture: masks, boxes, ids, skeletons, trails.

Left limbs are blue, right limbs orange, the middle of the body white, which colour-blind people can
tell apart too. A person's own colour is that of mask, box, id and trail. A joint that the network
is not sure of is faint and hollow, as are its limbs; one that is not known is not drawn.
"""

import math
from collections import deque
from collections.abc import Mapping
from itertools import pairwise

import cv2
import numpy as np

from posetube.errors import FormatError
from posetube.masks import decode_mask
from posetube.skeletons import Skeleton, side_of
from posetube.structures import (
    BoolArray,
    ByteArray,
    Detections,
    FloatArray,
    FramePoses,
    IntArray,
    RowState,
)

from ..settings import OverlayConfig
from .face_blur import blur_faces
from .heat_map import HeatMap

Colour = tuple[int, int, int]
Point = tuple[int, int]

LEFT, RIGHT, MIDDLE = (86, 180, 233), (255, 140, 0), (245, 245, 245)
BLACK: Colour = (0, 0, 0)
PEOPLE: tuple[Colour, ...] = (
    (240, 228, 66),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (190, 190, 190),
)
"""Okabe and Ito's colours, which differ for colour-blind eyes too, and grey; taken in turn by track
id. Their orange and sky blue are left out, so that nobody's box looks like an arm."""

FACE = ("nose", "eye", "ear")
"""Joints that lie close together and are drawn smaller."""

FAINT = 0.4
"""How much of the picture hides behind a joint that is not sure."""

TINT = 0.5
"""How much of the picture hides behind a mask."""

BRIGHTNESS = (0.299, 0.587, 0.114)
"""Share of red, green and blue in how bright a colour looks."""

FRACTION_BITS = 3
"""OpenCV takes places as fixed-point integers with this many bits behind the point."""


class Painter:
    """Draws one video's frames, in order."""

    def __init__(
        self,
        joints: Skeleton,
        *,
        size: tuple[int, int],
        config: OverlayConfig | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Prepare for a video.

        Args:
            joints: Names and edges of the joints.
            size: (H, W) of the frames, pixels; lines are as thick as suits it.
            config: What the overlay looks like; None: the default.
            names: What people call some of the tracks, written in the place of their ids.
        """
        self._joints, self._config = joints, config or OverlayConfig()
        self._line = line_width(size)
        # OpenCV's letters are ASCII
        self._names = {track: name for track, name in (names or {}).items() if name.isascii()}
        self._trails: dict[int, deque[tuple[float, Point]]] = {}
        self._heat = HeatMap(size) if self._config.heat_map else None
        self._colours = [_side_colour(joint) for joint in joints.joints]
        self._face = [joint.rpartition("_")[2] in FACE for joint in joints.joints]

    def draw(
        self, image: ByteArray, poses: FramePoses, *, only: IntArray | None = None
    ) -> ByteArray:
        """The picture with everybody drawn over it.

        Args:
            image: (H, W, 3) RGB; stays as it is.
            poses: The people of this frame.
            only: (M,) ids of the people to draw; None: everybody. All faces are blurred.

        Returns:
            (H, W, 3), or (H, 2 W, 3) with the picture itself beside it.
        """
        config, canvas = self._config, np.ascontiguousarray(image).copy()
        if config.blur_faces:
            blur_faces(canvas, poses.people.keypoints, poses.people.boxes, self._joints)
        if only is not None:
            poses = poses[np.isin(poses.track_ids, only)]
        plain = canvas.copy() if config.beside else None
        self._draw_past(canvas, poses)
        if config.tints:
            _draw_masks(canvas, poses)
        if config.boxes:
            for row in range(len(poses)):
                self._draw_box(canvas, poses, row)
        if config.joints:
            self._draw_poses(canvas, poses.people)
        if config.ids:
            for row in range(len(poses)):
                self._draw_id(canvas, poses, row)
        return canvas if plain is None else np.concatenate([plain, canvas], axis=1)

    def draw_lost(self, previous: ByteArray, note: str) -> ByteArray:
        """What replaces a frame that is lost: the previous picture, dark, with a note."""
        canvas = previous // 3
        self._write(canvas, note, (4 * self._line, 6 * self._line), MIDDLE)
        return np.concatenate([canvas, canvas], axis=1) if self._config.beside else canvas

    def _draw_past(self, canvas: ByteArray, poses: FramePoses) -> None:
        """Where people were in earlier frames."""
        if self._heat is not None:
            self._heat.add(poses.people.boxes)
            self._heat.draw(canvas)
        self._remember(poses)
        for track_id, trail in self._trails.items():
            self._draw_trail(canvas, trail, colour=colour_of(track_id), now=poses.time)

    def _remember(self, poses: FramePoses) -> None:
        for track_id, box in zip(poses.track_ids.tolist(), poses.people.boxes, strict=True):
            if np.isfinite(box).all():
                foot = (round(float(box[0] + box[2]) / 2), round(float(box[3])))
                self._trails.setdefault(track_id, deque()).append((poses.time, foot))
        for track_id, trail in list(self._trails.items()):
            while trail and trail[0][0] < poses.time - self._config.trail:
                trail.popleft()
            if not trail:
                del self._trails[track_id]

    def _draw_trail(
        self, canvas: ByteArray, trail: deque[tuple[float, Point]], *, colour: Colour, now: float
    ) -> None:
        points = list(trail)
        for (_, start), (time, stop) in pairwise(points):
            strength = max(0.0, 1 - (now - time) / max(self._config.trail, 1e-6))
            faded = _mix(colour, _pixel(canvas, stop), strength)
            cv2.line(canvas, start, stop, faded, 2 * self._line, cv2.LINE_AA)

    def _draw_box(self, canvas: ByteArray, poses: FramePoses, row: int) -> None:
        box = poses.people.boxes[row]
        if not np.isfinite(box).all():
            return
        colour = colour_of(int(poses.track_ids[row]))
        low, high = (
            (round(float(box[0])), round(float(box[1]))),
            tuple(map(round, box[2:].tolist())),
        )
        thickness = self._line if poses.states[row] == RowState.DETECTED else 1
        cv2.rectangle(canvas, low, high, colour, thickness, cv2.LINE_AA)

    def _draw_poses(self, canvas: ByteArray, people: Detections) -> None:
        """Faint what is not sure, then what is, on top."""
        known = np.asarray(np.isfinite(people.keypoints).all(axis=-1))
        sure = known & (np.nan_to_num(people.keypoint_scores) >= self._config.sure_joint)
        if (known & ~sure).any():
            faint = canvas.copy()
            for row in range(len(people)):
                self._draw_pose(faint, people, row, known[row], filled=sure[row])
            cv2.addWeighted(faint, FAINT, canvas, 1 - FAINT, 0, dst=canvas)
        for row in range(len(people)):
            self._draw_pose(canvas, people, row, sure[row], filled=sure[row])

    def _draw_pose(
        self,
        canvas: ByteArray,
        people: Detections,
        row: int,
        shown: BoolArray,
        *,
        filled: BoolArray,
    ) -> None:
        """Some joints of a person, (K,), and the limbs between them."""
        places, line = _fixed(people.keypoints[row]), self._line_of(people.boxes[row])
        for start, stop in self._joints.edge_indices.tolist():
            if shown[start] and shown[stop]:
                width = line if self._face[start] else 2 * line
                colour = _limb_colour(self._colours[start], self._colours[stop])
                ends = places[start], places[stop]
                cv2.line(canvas, *ends, BLACK, width + 2, cv2.LINE_AA, FRACTION_BITS)
                cv2.line(canvas, *ends, colour, width, cv2.LINE_AA, FRACTION_BITS)
        for joint in np.flatnonzero(shown).tolist():
            place, colour = places[joint], self._colours[joint]
            diameter = line + 1 if self._face[joint] else 2 * line + 3
            radius = (diameter << FRACTION_BITS) // 2
            thickness = -1 if filled[joint] else line
            cv2.circle(canvas, place, radius, colour, thickness, cv2.LINE_AA, FRACTION_BITS)

    def _line_of(self, box: FloatArray) -> int:
        """Lines of small people are thinner."""
        height = float(box[3] - box[1])
        return self._line if not np.isfinite(height) else int(np.clip(height / 80, 1, self._line))

    def _draw_id(self, canvas: ByteArray, poses: FramePoses, row: int) -> None:
        box = poses.people.boxes[row]
        if not np.isfinite(box).all():
            return
        track_id = int(poses.track_ids[row])
        label = self._names.get(track_id, str(track_id))
        self._write(
            canvas, label, (round(float(box[0])), round(float(box[1]))), colour_of(track_id)
        )

    def _write(self, canvas: ByteArray, text: str, place: Point, colour: Colour) -> None:
        """Write on a plate that ends at a place, or as near to it as the picture reaches."""
        font, scale, line = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * self._line, self._line
        (width, height), below = cv2.getTextSize(text, font, scale, line)
        edge = 2 * line
        left = int(np.clip(place[0], 0, max(0, canvas.shape[1] - width - 2 * edge)))
        bottom = int(np.clip(place[1], height + below + 2 * edge, canvas.shape[0]))
        top = bottom - height - below - 2 * edge
        cv2.rectangle(canvas, (left, top), (left + width + 2 * edge, bottom), colour, -1)
        ink = BLACK if np.dot(colour, BRIGHTNESS) > 110 else MIDDLE
        start = (left + edge, bottom - edge - below)
        cv2.putText(canvas, text, start, font, scale, ink, line, cv2.LINE_AA)


def _draw_masks(canvas: ByteArray, poses: FramePoses) -> None:
    """Tint people in their colours where their masks are."""
    masks = [b""] * len(poses) if poses.people.masks is None else poses.people.masks.tolist()
    for track_id, mask in zip(poses.track_ids.tolist(), masks, strict=True):
        if not mask:
            continue
        inside = decode_mask(mask)
        if inside.shape != canvas.shape[:2]:
            raise FormatError(
                f"frame {poses.frame}, track {track_id}: a mask of {inside.shape[1]} x "
                f"{inside.shape[0]} pixels, in a picture of {canvas.shape[1]} x {canvas.shape[0]}"
            )
        tinted = (1 - TINT) * canvas[inside] + TINT * np.array(colour_of(track_id))
        canvas[inside] = tinted.round().astype(np.uint8)


def line_width(size: tuple[int, int]) -> int:
    """How thick lines are in a picture of (H, W): 1 to 240 lines, 3 at 1080, 6 at 2160.

    Less than in proportion: a large picture is looked at on a large screen.
    """
    return max(1, round(math.pow(min(size) / 240, 0.8)))


def colour_of(track_id: int) -> Colour:
    """A person's colour."""
    return PEOPLE[(track_id - 1) % len(PEOPLE)]


def _side_colour(joint: str) -> Colour:
    return {"left": LEFT, "right": RIGHT, "middle": MIDDLE}[side_of(joint)]


def _limb_colour(start: Colour, stop: Colour) -> Colour:
    """The colour of the limb's side; a limb between two sides belongs to the middle."""
    if MIDDLE in (start, stop):
        return stop if start == MIDDLE else start
    return start if start == stop else MIDDLE


def _mix(colour: Colour, below: ByteArray, strength: float) -> Colour:
    r, g, b = (
        round(strength * c + (1 - strength) * int(p)) for c, p in zip(colour, below, strict=True)
    )
    return r, g, b


def _pixel(canvas: ByteArray, place: Point) -> ByteArray:
    height, width = canvas.shape[:2]
    pixel: ByteArray = canvas[min(max(place[1], 0), height - 1), min(max(place[0], 0), width - 1)]
    return pixel


def _fixed(points: FloatArray) -> list[Point]:
    """(K, 2) places in OpenCV's fixed-point numbers; it has pixel centres at whole numbers."""
    limit = 1 << 20
    known = np.nan_to_num(points.astype(np.float64) - 0.5)
    places = np.clip(known, -limit, limit) * (1 << FRACTION_BITS)
    return [(x, y) for x, y in places.astype(int).tolist()]
