"""Draw one moment: the scene, its things and people, and read the truth off the buffers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posetube.structures import BoolArray, ByteArray, FloatArray, IntArray, JointState

from .body import Figure, head_corners, keypoints, parts
from .camera import Camera
from .motion import JOINTS
from .raster import NOWHERE, Canvas, Outline, draw
from .scene import Backdrop, Scene, backdrop, cast_shadows
from .solids import Light, Part

Array = npt.NDArray[np.float64]

SMALLEST = 30
"""People with fewer pixels inside the picture than this are not in the truth."""

_REACH = np.array([0.045] * 5 + [0.13] * 2 + [0.10] * 2 + [0.09] * 2 + [0.18] * 2 + [0.13] * 4)
"""(17,) how far before a joint its own skin may lie, metres; what lies further ahead hides it."""

_LIMBS = tuple(
    (JOINTS.index(first), JOINTS.index(second))
    for first, second in (
        ("pelvis", "neck"), ("neck", "head_top"),
        *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (
            ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))),
    )
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class People:
    """The truth of N people in one frame; only those with a part inside the picture."""

    track_ids: IntArray
    """(N,) identity within the clip, from 1."""

    keypoints: FloatArray
    """(N, 17, 2) COCO order, pixels; NaN outside the picture."""

    joint_states: ByteArray
    """(N, 17) :class:`posetube.structures.JointState`."""

    boxes: FloatArray
    """(N, 4) around the whole person, hidden parts included, cut at the picture's border."""

    visible_boxes: FloatArray
    """(N, 4) around the pixels that are seen; NaN where none is."""

    head_boxes: FloatArray
    """(N, 4) around the head, whether hidden or not, not cut at the border."""

    visibility: FloatArray
    """(N,) share of the person that is seen: not hidden, and inside the picture."""

    owners: IntArray
    """(N,) value of each person in the frame's ``owner`` buffer."""

    def __len__(self) -> int:
        return len(self.track_ids)


@dataclass(frozen=True, kw_only=True)
class SyntheticFrame:
    """One picture with its truth."""

    index: int
    """Place in the clip, from 0."""

    time: float
    """Presentation time, seconds."""

    image: ByteArray
    """(H, W, 3) RGB."""

    people: People
    """Who is in it."""

    owner: npt.NDArray[np.int16]
    """(H, W) whose pixel it is, see :attr:`People.owners`; 0 is the scene."""

    @property
    def masks(self) -> BoolArray:
        """(N, H, W) the pixels of each person that are seen."""
        return np.asarray(self.owner[None] == self.people.owners[:, None, None])


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A person at one moment."""

    track_id: int
    """Identity, from 1."""

    figure: Figure
    """Build and clothes."""

    joints: Array
    """(17, 3) world positions of the skeleton."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What was drawn: the buffers, and the solids in the order of their part numbers."""

    canvas: Canvas
    """Picture, depth, owner and part."""

    camera: Camera
    """What saw it."""

    people: People
    """The truth."""

    solids: tuple[Part, ...]
    """Part number n of the canvas is ``solids[n - 1]``."""


def render(
    scene: Scene, camera: Camera, poses: Sequence[Pose], *, empty: Backdrop | None = None
) -> Moment:
    """Draw people into their scene as a camera sees them.

    Args:
        scene: Where.
        camera: What sees them.
        poses: Who, and how they stand.
        empty: The scene as this camera sees it, where it is drawn already; not changed.
    """
    empty = empty or backdrop(scene, camera)
    canvas = empty.canvas.copy()
    pairs = np.array(_LIMBS)
    limbs = [(pose.joints[pairs], 0.07 * pose.figure.scale) for pose in poses]
    cast_shadows(canvas, camera, scene, limbs, empty.ground)
    return draw_people(canvas, camera, poses, scene.light, solids=scene.things)


def draw_people(
    canvas: Canvas,
    camera: Camera,
    poses: Sequence[Pose],
    light: Light,
    *,
    solids: tuple[Part, ...] = (),
) -> Moment:
    """Draw people onto a canvas; ``solids`` are the parts that it already holds."""
    bodies = [parts(pose.figure, pose.joints) for pose in poses]
    firsts = np.cumsum([len(solids), *map(len, bodies)]) + 1
    distance = [float(camera.view(pose.joints[0])[2]) for pose in poses]
    outlines = [NOWHERE] * len(poses)
    for person in np.argsort(distance)[::-1]:
        outlines[person] = draw(
            canvas, camera, bodies[person], light, owner=int(person) + 1, first=int(firsts[person])
        )
    people = _truth(canvas, camera, poses, outlines)
    drawn = (*solids, *(part for body in bodies for part in body))
    return Moment(canvas=canvas, camera=camera, people=people, solids=drawn)


def _truth(
    canvas: Canvas, camera: Camera, poses: Sequence[Pose], outlines: list[Outline]
) -> People:
    height, width = camera.size
    kept = [n for n, outline in enumerate(outlines) if outline.area >= SMALLEST]
    n = len(kept)
    points = np.zeros((n, 17, 3))
    heads = np.zeros((n, 6, 3))
    for row, person in enumerate(kept):
        points[row] = camera.project(keypoints(poses[person].figure, poses[person].joints))
        heads[row] = camera.project(head_corners(poses[person].figure, poses[person].joints))
    owners = np.array(kept, np.int64) + 1
    whole = np.array([outlines[person].box for person in kept]).reshape(-1, 4)
    boxes = np.clip(whole, 0, [width, height, width, height])
    seen = np.array([_seen(canvas, boxes[r], int(owners[r])) for r in range(n)]).reshape(-1, 5)
    inside = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) / np.prod(
        whole[:, 2:] - whole[:, :2], axis=1
    )
    area = np.array([outlines[person].area for person in kept], float)
    states = _joint_states(canvas, points, owners)
    places = np.where((states > JointState.ABSENT)[..., None], points[..., :2], np.nan)
    return People(
        track_ids=np.array([poses[person].track_id for person in kept], np.int64),
        keypoints=places.astype(np.float32),
        joint_states=states,
        boxes=boxes.astype(np.float32),
        visible_boxes=seen[:, :4].astype(np.float32),
        head_boxes=np.concatenate(
            [heads[..., :2].min(axis=1), heads[..., :2].max(axis=1)], axis=1
        ).astype(np.float32),
        visibility=np.clip(seen[:, 4] / np.maximum(area, 1) * inside, 0, 1).astype(np.float32),
        owners=owners,
    )


def _seen(canvas: Canvas, box: Array, owner: int) -> tuple[float, ...]:
    """Box of the pixels that an owner has within a box, and their number."""
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
    """(N, 17) from the pixel at each joint and its four neighbours."""
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
