"""Renders one moment, the scene and its people, and reads the ground truth from the buffers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posetube.skeletons import COCO19
from posetube.structures import BoolArray, ByteArray, FloatArray, IntArray, JointState

from .body import Figure, body_primitives, figure_keypoints, head_corners
from .camera import Camera
from .primitives import Light, Primitive
from .raster import NOWHERE, Canvas, Outline, draw_primitives
from .rig import JOINTS
from .scene import Backdrop, Scene, cast_shadows, render_backdrop
from .vector_math import Array

SMALLEST = 30
"""People with fewer pixels than this inside the picture are not in the ground truth."""

_REACH = np.array(
    [0.045] * 5 + [0.13] * 2 + [0.10] * 2 + [0.09] * 2 + [0.18] * 2 + [0.13] * 4 + [0.10] * 2
)
"""(19,) depth of the body before each joint, metres; what is nearer than that hides the joint."""

_LIMBS = tuple(
    (JOINTS.index(first), JOINTS.index(second))
    for first, second in (
        ("pelvis", "neck"), ("neck", "head_top"),
        *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (
            ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))),
    )
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """Ground truth of the N people of a frame who are at least partly inside the picture."""

    track_ids: IntArray
    """(N,) identity within the clip, from 1."""

    keypoints: FloatArray
    """(N, 19, 2) in the order of ``coco19``, pixels; NaN outside the picture."""

    joint_states: ByteArray
    """(N, 19) :class:`posetube.structures.JointState`."""

    boxes: FloatArray
    """(N, 4) around the whole person, including hidden parts, cut at the picture's border."""

    visible_boxes: FloatArray
    """(N, 4) around the visible pixels; NaN where there are none."""

    head_boxes: FloatArray
    """(N, 4) around the head, including hidden parts, not cut at the border."""

    visibility: FloatArray
    """(N,) visible share of the person: not hidden, and inside the picture."""

    owners: IntArray
    """(N,) value of each person in the frame's ``owner`` buffer."""

    def __len__(self) -> int:
        return len(self.track_ids)


@dataclass(frozen=True, kw_only=True)
class SyntheticFrame:
    """One picture with its ground truth."""

    index: int
    """Index in the clip, from 0."""

    time: float
    """Presentation time, seconds."""

    image: ByteArray
    """(H, W, 3) RGB."""

    people: FrameTruth
    """The people in it."""

    owner: npt.NDArray[np.int16]
    """(H, W) person that is visible, see :attr:`FrameTruth.owners`; 0 is the scene."""

    @property
    def masks(self) -> BoolArray:
        """(N, H, W) visible pixels of each person."""
        return np.asarray(self.owner[None] == self.people.owners[:, None, None])


@dataclass(frozen=True, kw_only=True)
class PosedFigure:
    """A person in a pose."""

    track_id: int
    """Identity, from 1."""

    figure: Figure
    """Build and clothes."""

    joints: Array
    """(17, 3) world positions of the joints, metres."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A rendered moment: its buffers, and its primitives in the order of their numbers."""

    canvas: Canvas
    """Picture, depth, owner and part."""

    camera: Camera
    """The camera that saw it."""

    people: FrameTruth
    """Ground truth."""

    primitives: tuple[Primitive, ...]
    """Number n in the canvas's ``part`` is ``primitives[n - 1]``."""


def render_moment(
    scene: Scene,
    camera: Camera,
    people: Sequence[PosedFigure],
    *,
    backdrop: Backdrop | None = None,
) -> Moment:
    """Render people in a scene.

    Args:
        scene: Where they are.
        camera: Who sees them.
        people: The people, in their poses.
        backdrop: The scene without people as this camera sees it; None: render it. Not changed.
    """
    backdrop = backdrop or render_backdrop(scene, camera)
    canvas = backdrop.canvas.copy()
    pairs = np.array(_LIMBS)
    limbs = [(person.joints[pairs], 0.07 * person.figure.scale) for person in people]
    cast_shadows(canvas, camera, scene, limbs, backdrop.ground)
    return draw_people(canvas, camera, people, scene.light, drawn=scene.props)


def draw_people(
    canvas: Canvas,
    camera: Camera,
    people: Sequence[PosedFigure],
    light: Light,
    *,
    drawn: tuple[Primitive, ...] = (),
) -> Moment:
    """Draw people on a canvas.

    Args:
        canvas: Drawn on.
        camera: Who sees them.
        people: The people, in their poses.
        light: The lamp.
        drawn: The primitives that the canvas already shows.
    """
    bodies = [body_primitives(person.figure, person.joints) for person in people]
    firsts = np.cumsum([len(drawn), *map(len, bodies)]) + 1
    distance = [float(camera.view(person.joints[0])[2]) for person in people]
    outlines = [NOWHERE] * len(people)
    # From far to near, so that the soft edges of those in front are blended over those behind.
    for number in np.argsort(distance)[::-1]:
        outlines[number] = draw_primitives(
            canvas, camera, bodies[number], light, owner=int(number) + 1, first=int(firsts[number])
        )
    return Moment(
        canvas=canvas,
        camera=camera,
        people=_frame_truth(canvas, camera, people, outlines),
        primitives=(*drawn, *(primitive for body in bodies for primitive in body)),
    )


def _frame_truth(
    canvas: Canvas, camera: Camera, people: Sequence[PosedFigure], outlines: list[Outline]
) -> FrameTruth:
    height, width = camera.size
    kept = [n for n, outline in enumerate(outlines) if outline.area >= SMALLEST]
    n = len(kept)
    points = np.zeros((n, len(COCO19), 3))
    heads = np.zeros((n, 6, 3))
    for row, person in enumerate(people[number] for number in kept):
        points[row] = camera.project(figure_keypoints(person.figure, person.joints))
        heads[row] = camera.project(head_corners(person.figure, person.joints))
    owners = np.array(kept, np.int64) + 1
    whole = np.array([outlines[number].box for number in kept]).reshape(-1, 4)
    boxes = np.clip(whole, 0, [width, height, width, height])
    visible = np.array([_visible_box(canvas, boxes[r], int(owners[r])) for r in range(n)])
    visible = visible.reshape(-1, 5)
    # Pixels outside the picture are not counted; the boxes tell what share of the person they are.
    inside = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / np.prod(
        whole[:, 2:] - whole[:, :2], axis=1
    )
    area = np.array([outlines[number].area for number in kept], float)
    states = _joint_states(canvas, points, owners)
    places = np.where((states > JointState.ABSENT)[..., None], points[..., :2], np.nan)
    return FrameTruth(
        track_ids=np.array([people[number].track_id for number in kept], np.int64),
        keypoints=places.astype(np.float32),
        joint_states=states,
        boxes=boxes.astype(np.float32),
        visible_boxes=visible[:, :4].astype(np.float32),
        head_boxes=np.concatenate(
            [heads[..., :2].min(axis=1), heads[..., :2].max(axis=1)], axis=1
        ).astype(np.float32),
        visibility=np.clip(visible[:, 4] / np.maximum(area, 1) * inside, 0, 1).astype(np.float32),
        owners=owners,
    )


def _visible_box(canvas: Canvas, box: Array, owner: int) -> tuple[float, ...]:
    """Box around the pixels of an owner within a box, and their number."""
    x1, y1 = np.floor(box[:2]).astype(int)
    x2, y2 = np.ceil(box[2:]).astype(int)
    mine = canvas.owner[y1:y2, x1:x2] == owner
    rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    if not len(rows):
        return (np.nan, np.nan, np.nan, np.nan, 0.0)
    return (
        float(x1 + columns[0]), float(y1 + rows[0]),
        float(x1 + columns[-1] + 1), float(y1 + rows[-1] + 1), float(np.count_nonzero(mine)),
    )  # fmt: skip


def _joint_states(canvas: Canvas, points: Array, owners: IntArray) -> ByteArray:
    """(N, 19) states of joints, from the pixel at each joint and its four neighbours.

    A joint is visible where one of these pixels shows its own person, no further in front than the
    body is deep. The neighbours make up for joints at the very edge of a thin limb.
    """
    height, width = canvas.size
    x, y = points[..., 0], points[..., 1]
    outside = (x < 0) | (y < 0) | (x >= width) | (y >= height) | (points[..., 2] <= 0)
    states = np.full(x.shape, JointState.OCCLUDED, np.uint8)
    for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
        column = np.clip(np.nan_to_num(x) + dx, 0, width - 1).astype(int)
        row = np.clip(np.nan_to_num(y) + dy, 0, height - 1).astype(int)
        mine = canvas.owner[row, column] == owners[:, None]
        near = canvas.depth[row, column] > points[..., 2] - _REACH
        states[mine & near] = JointState.VISIBLE
    states[outside] = JointState.ABSENT
    return states
