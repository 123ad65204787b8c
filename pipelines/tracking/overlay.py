"""Draws the people of a frame over its picture: boxes, ids, skeletons, trails.

Left limbs are blue, right limbs orange, the middle of the body white, which colour-blind people can
tell apart too. A person's own colour is that of box, id and trail. A joint that the network is not
sure of is hollow; one that is not known is not drawn.
"""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise

import cv2
import numpy as np

from posetube.skeletons import Skeleton, side_of
from posetube.structures import ByteArray, Detections, FloatArray, FramePoses, RowState

from ..settings import OverlayConfig

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
            names: What people call some of the tracks, drawn in the place of their ids.
        """
        self._joints, self._config = joints, config or OverlayConfig()
        self._line = max(1, round(min(size) / 220))
        # OpenCV's letters are ASCII
        self._names = {track: name for track, name in (names or {}).items() if name.isascii()}
        self._trails: dict[int, deque[tuple[float, Point]]] = {}
        self._colours = [_side_colour(joint) for joint in joints.joints]
        self._face = [joint.rpartition("_")[2] in FACE for joint in joints.joints]

    def draw(self, image: ByteArray, poses: FramePoses) -> ByteArray:
        """The picture with everybody drawn over it.

        Args:
            image: (H, W, 3) RGB; stays as it is.
            poses: The people of this frame.
        """
        canvas = np.ascontiguousarray(image).copy()
        self._remember(poses)
        for track_id, trail in self._trails.items():
            self._draw_trail(canvas, trail, colour=colour_of(track_id), now=poses.time)
        for row in range(len(poses)):
            self._draw_box(canvas, poses, row)
            self._draw_pose(canvas, poses.people, row)
        for row in range(len(poses)):
            self._draw_id(canvas, poses, row)
        return canvas

    def draw_lost(self, previous: ByteArray, note: str) -> ByteArray:
        """What replaces a frame that is lost: the previous picture, dark, with a note."""
        canvas = previous // 3
        self._write(canvas, note, (4 * self._line, 14 * self._line), MIDDLE)
        return canvas

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

    def _draw_pose(self, canvas: ByteArray, people: Detections, row: int) -> None:
        points, line = people.keypoints[row], self._line_of(people.boxes[row])
        sure = np.nan_to_num(people.keypoint_scores[row]) >= self._config.sure_joint
        known = np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])
        for start, stop in self._joints.edge_indices.tolist():
            if known[start] and known[stop]:
                thick = sure[start] and sure[stop] and not self._face[start]
                width = 2 * line if thick else line
                colour = _limb_colour(self._colours[start], self._colours[stop])
                ends = _fixed(points[start]), _fixed(points[stop])
                cv2.line(canvas, *ends, BLACK, width + 2, cv2.LINE_AA, FRACTION_BITS)
                cv2.line(canvas, *ends, colour, width, cv2.LINE_AA, FRACTION_BITS)
        for joint in np.flatnonzero(known).tolist():
            place, colour = _fixed(points[joint]), self._colours[joint]
            inside = colour if sure[joint] else BLACK
            diameter = line + 1 if self._face[joint] else 2 * line + 3
            radius = (diameter << FRACTION_BITS) // 2
            cv2.circle(canvas, place, radius, inside, -1, cv2.LINE_AA, FRACTION_BITS)
            cv2.circle(canvas, place, radius, colour, line, cv2.LINE_AA, FRACTION_BITS)

    def _line_of(self, box: FloatArray) -> int:
        """Lines of small people are thinner."""
        height = float(box[3] - box[1])
        return self._line if not np.isfinite(height) else int(np.clip(height / 80, 1, self._line))

    def _draw_id(self, canvas: ByteArray, poses: FramePoses, row: int) -> None:
        box = poses.people.boxes[row]
        if not np.isfinite(box).all():
            return
        track_id = int(poses.track_ids[row])
        place = (round(float(box[0])), max(14 * self._line, round(float(box[1])) - 3 * self._line))
        label = self._names.get(track_id, str(track_id))
        self._write(canvas, label, place, colour_of(track_id))

    def _write(self, canvas: ByteArray, text: str, place: Point, colour: Colour) -> None:
        font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * self._line
        cv2.putText(canvas, text, place, font, scale, BLACK, 3 * self._line, cv2.LINE_AA)
        cv2.putText(canvas, text, place, font, scale, colour, self._line, cv2.LINE_AA)


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


def _fixed(point: FloatArray) -> Point:
    """A place in OpenCV's fixed-point numbers; it has pixel centres at whole numbers."""
    limit = 1 << 20
    x, y = (int(np.clip(c - 0.5, -limit, limit) * (1 << FRACTION_BITS)) for c in point.tolist())
    return x, y
