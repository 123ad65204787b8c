"""The network: from the frames of a clip to one tube per person.

::

    frames ─ prepare ─ body ─ neck ─┬─ proposals ─ tubes ─┐
                                    ├─ pool ─────────── box head ─ people ─┐
                                    └─ pool ────────────────────── keypoint head ─ joints

:meth:`TubeRCNN.encode` looks at each frame alone (the body's first stages, often the whole body and
neck) and is called once per frame; :meth:`TubeRCNN.detect_features` mixes the frames of a clip.
:meth:`TubeRCNN.detect` is both. Where the cut lies follows from the time kernels in the
configuration. Inside, nothing waits for the device (:mod:`.slots` says how).

Source: Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018, fig. 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.network import TubeHeatmaps
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import ByteArray, Clip, FloatArray, PoseTubes

from .appearance import embed, look_maps
from .box_head import TubeDetections
from .features import ClipFeatures, FrameFeatures, Pictures, join_frames
from .heatmaps import DecodeConfig, Joints, decode_joints
from .parts import BodyKind, BoxHeadKind, KeypointHeadKind, NeckKind, ProposalKind
from .preprocess import Geometry, PreprocessConfig, prepare
from .slots import on_host


@dataclass(frozen=True, kw_only=True)
class TubeRCNNConfig:
    """All parts of a network; presets fill it in (:mod:`posetube.models3d.presets`)."""

    skeleton: str
    """Name of the joint set that the K joints follow."""

    clip_length: int = 1
    """T, an odd number of frames."""

    preprocess: PreprocessConfig
    """From frames to the network's input."""

    body: BodyKind
    """Makes maps of features at several strides."""

    neck: NeckKind
    """Turns these into the levels in which people are found."""

    proposals: ProposalKind
    """Proposes tubes that may be people."""

    box_head: BoxHeadKind
    """Decides which of these are people, and corrects their boxes."""

    keypoint_head: KeypointHeadKind
    """Draws their joints' heatmaps."""

    decode: DecodeConfig
    """From heatmaps to joints."""

    def __post_init__(self) -> None:
        if self.clip_length < 1 or self.clip_length % 2 == 0:
            raise InputError(
                "TubeRCNNConfig.clip_length must be an odd number of frames from 1, "
                f"got {self.clip_length}"
            )
        joints = len(skeleton(self.skeleton))
        if self.keypoint_head.joints != joints:
            raise InputError(
                f"KeypointHeadConfig.joints must be the {joints} of skeleton {self.skeleton}, "
                f"got {self.keypoint_head.joints}"
            )


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Where a network's weights came from."""

    name: str
    """What it is called: a name of ours, or the file's."""

    sha256: str | None = None
    """Of the weights file; None where there is none."""

    licence: str = "unknown"
    """Of the weights."""

    source: str = ""
    """How they were made, or where they were published."""


class Found(NamedTuple):
    """What the network found in B clips, N slots each."""

    people: TubeDetections
    """Boxes in pixels of the displayed frame, scores, presence, and which slots are taken."""

    heatmaps: Tensor
    """(B, N, T, K, S, S) logits."""

    joints: Joints
    """(B, N, T, K, ...) in pixels of the displayed frame."""


class TubeRCNN(nn.Module):
    """Detect-and-Track's network, its parts chosen by configuration.

    Each part keeps its own configuration: to change a threshold, build another network and load the
    weights into it.
    """

    def __init__(self, config: TubeRCNNConfig, *, info: ModelInfo | None = None) -> None:
        """Build it with random weights."""
        super().__init__()
        self.config = config
        self.info = info or ModelInfo(name="untrained")
        self.body = config.body.build()
        self.neck = config.neck.build(channels=self.body.channels, strides=self.body.strides)
        channels = self.neck.channels
        self.proposals = config.proposals.build(channels=channels, strides=self.neck.strides)
        self.box_head = config.box_head.build(body=config.body, channels=channels)
        self.keypoint_head = config.keypoint_head.build(channels=channels)
        # The steps are the body's stages, the neck's merge (always frame by frame) and its smooth.
        # Everything before the first time kernel is done once per frame, the rest once per clip.
        times = [*self.body.times, 1, self.neck.time]
        self._cut = next((step for step, time in enumerate(times) if time > 1), len(times))
        self._still = min(self._cut, len(self.body.stages))

    @property
    def skeleton(self) -> Skeleton:
        """Names and order of the K joints."""
        return skeleton(self.config.skeleton)

    @property
    def clip_length(self) -> int:
        """T: how many frames the network looks at together."""
        return self.config.clip_length

    def detect(self, clip: Clip, *, embeddings: bool = False) -> PoseTubes:
        """Find everybody in a clip of T frames, on request with vectors of their appearance.

        Raises:
            InputError: If the clip does not have T frames.
        """
        features = self.encode(clip.images, embeddings=embeddings)
        return self.detect_features(features, clip.frames.tolist())

    @torch.inference_mode()
    def encode(self, images: ByteArray, *, embeddings: bool = False) -> list[FrameFeatures]:
        """The per-frame part, once per frame.

        Args:
            images: (B, H, W, 3) RGB uint8 frames of one size, of any clips.
            embeddings: Whether to keep what :meth:`detect_features` needs for appearance vectors.

        Raises:
            InputError: If the images are not of that shape and type, or embeddings are asked of a
                body whose first stage mixes frames.
        """
        device = next(self.parameters()).device
        pixels, geometry = prepare(images, self.config.preprocess)
        stages, maps = self.frame_maps(pixels.to(device))
        looks = look_maps(stages, self.body.strides[: self._still]) if embeddings else ()
        pictures: Sequence[Tensor | None] = [None] * len(images)
        if self.keypoint_head.wants_pictures:
            pictures = torch.split(torch.from_numpy(images).to(device).permute(0, 3, 1, 2), 1)
        return [
            FrameFeatures(
                maps=tuple(m[frame : frame + 1] for m in maps),
                geometry=geometry,
                looks=tuple(look._replace(map=look.map[frame : frame + 1]) for look in looks),
                picture=picture,
            )
            for frame, picture in enumerate(pictures)
        ]

    def detect_features(
        self, features: Sequence[FrameFeatures], frames: Sequence[int]
    ) -> PoseTubes:
        """The clip part: find everybody in T encoded frames.

        Args:
            features: From :meth:`encode`, one per frame of the clip; the ends of a video may
                repeat a frame.
            frames: T indices of the frames in their video, not decreasing.

        Returns:
            Everybody down to the box head's lowest score, by falling score; with embeddings if all
            frames were encoded for them.

        Raises:
            InputError: If there are not T frames, or they differ in size.
        """
        return self.detect_clips([features], [frames])[0]

    @torch.inference_mode()
    def detect_clips(
        self, clips: Sequence[Sequence[FrameFeatures]], frames: Sequence[Sequence[int]]
    ) -> list[PoseTubes]:
        """:meth:`detect_features` for B clips together, whose frames all have one size.

        Waits for the device twice: for the number of people, so that joints are computed for them
        alone, and for the result.

        Raises:
            InputError: If a clip does not have T frames, or frames differ in size.
        """
        if not clips:
            return []
        for clip, indices in zip(clips, frames, strict=True):
            self._check_length(clip, indices)
        joined = join_frames([feature for clip in clips for feature in clip])
        found = self.find(joined.maps, joined.geometry, joined.pictures, wait=True)
        columns = self._columns(found)
        if joined.looks:
            boxes = joined.geometry.to_network(found.people.boxes)
            columns["embeddings"] = embed(joined.looks, boxes)
        tables = _to_host(columns)
        return [
            _tubes_of({name: table[number] for name, table in tables.items()}, indices)
            for number, indices in enumerate(frames)
        ]

    @torch.inference_mode()
    def heatmaps(self, features: Sequence[FrameFeatures], tubes: FloatArray) -> TubeHeatmaps:
        """Draw the joints' heatmaps of given people, without searching for any.

        Args:
            features: From :meth:`encode`, one per frame of a clip.
            tubes: (N, T, 4) a box per person and frame, pixels of the displayed frame.

        Raises:
            InputError: If there are not T frames, they differ in size, or the boxes are not finite
                numbers of that shape.
        """
        self._check_length(features)
        if tubes.ndim != 3 or tubes.shape[1:] != (self.clip_length, 4):
            raise InputError(f"tubes: expected (N, {self.clip_length}, 4), got {tubes.shape}")
        if not np.isfinite(tubes).all():
            raise InputError("tubes: expected finite boxes, got NaN or infinity; fill gaps before")
        maps, geometry, _, pictures = join_frames(features)
        boxes = geometry.to_network(torch.from_numpy(tubes).float().to(maps[0].device))[None]
        drawn = self._heatmaps(self.clip_part(maps, self.clip_length, pictures), boxes)[0]
        regions = geometry.to_picture(self.keypoint_head.regions(boxes))[0]
        return TubeHeatmaps(logits=drawn.float().cpu().numpy(), regions=regions.cpu().numpy())

    def frame_part(self, pixels: Tensor) -> list[Tensor]:
        """(frames, 3, h, w) network input to what the clip part needs of each frame."""
        return self.frame_maps(pixels)[1]

    def frame_maps(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs of the body's per-frame stages, then what :meth:`frame_part` returns.

        This is what is worth compiling, for frames of one size:
        ``network.frame_maps = torch.compile(network.frame_maps)``.
        """
        maps = self._advance([pixels], range(self._still), 1)
        return maps[1:], self._advance(maps, range(self._still, self._cut), 1)

    def clip_part(
        self, maps: list[Tensor], length: int, pictures: Pictures | None = None
    ) -> ClipFeatures:
        """The frames' maps, each (B * length, C, h, w), to what the heads pool from."""
        maps = self._advance(maps, range(self._cut, len(self.body.stages) + 2), length)
        count = len(self.neck.strides)
        return ClipFeatures(
            levels=maps[:count],
            strides=self.neck.strides,
            length=length,
            joint_map=maps[count] if len(maps) > count else None,
            pictures=pictures,
        )

    def find(
        self,
        maps: list[Tensor],
        geometry: Geometry,
        pictures: Pictures | None = None,
        *,
        wait: bool = False,
    ) -> Found:
        """The clip part and the heads on B clips.

        Args:
            maps: From :meth:`frame_part`, the T frames of one clip after the other.
            geometry: Where all these frames lie in the network's input.
            pictures: The frames themselves, if a head pools from them.
            wait: Whether to wait for the device once, for the number of people. If not, joints are
                computed for as many as there can be, which costs more than waiting if the keypoint
                head is large; but nothing waits, unless joints are decoded by the ``resized`` rule.
        """
        features = self.clip_part(maps, self.clip_length, pictures)
        proposals = self.proposals.find_tubes(features, geometry)
        people = self.box_head.find_people(features, proposals, geometry)
        if wait or on_host(people.taken):
            people = people.shortened()
        boxes = geometry.to_network(people.boxes)
        heatmaps = self._heatmaps(features, boxes)
        joints = decode_joints(
            heatmaps.flatten(0, 2),
            self.keypoint_head.regions(boxes).flatten(0, 2),
            geometry=geometry,
            config=self.config.decode,
        )
        columns = (torch.unflatten(column, 0, boxes.shape[:3]) for column in joints)
        return Found(people, heatmaps, Joints(*columns))

    def _heatmaps(self, features: ClipFeatures, boxes: Tensor) -> Tensor:
        """(B, N, T, K, S, S) logits under (B, N, T, 4) boxes, pixels of the network's input."""
        pooled = self.keypoint_head.pool(features, boxes.unbind())
        heatmaps = self.keypoint_head(pooled, features.length)
        return torch.unflatten(heatmaps, 0, boxes.shape[:3])

    def _advance(self, maps: list[Tensor], steps: range, length: int) -> list[Tensor]:
        """Some steps of body and neck: every stage adds a map, the neck turns them into levels."""
        stages = self.body.stages
        for step in steps:
            if step < len(stages):
                maps = [*maps, stages[step](maps[-1], length)]
            elif step == len(stages):
                maps = self.neck.merge(maps[1:])
            else:
                maps = self.neck.smooth(maps, length)
        return maps

    def _check_length(
        self, clip: Sequence[FrameFeatures], indices: Sequence[int] | None = None
    ) -> None:
        wanted = self.clip_length
        if len(clip) != wanted or (indices is not None and len(indices) != wanted):
            listed = "" if indices is None else f" with {len(indices)} indices"
            raise InputError(
                f"this network looks at clips of {wanted} frames, got {len(clip)} frames{listed}"
            )

    def _columns(self, found: Found) -> dict[str, Tensor]:
        """What :class:`PoseTubes` takes, each (B, N, ...), and which slots are taken."""
        people, _, joints = found
        mean = joints.scores.mean(dim=(2, 3))
        return {
            "taken": people.taken,
            "boxes": people.boxes,
            "keypoints": joints.positions,
            "keypoint_scores": joints.scores,
            "scores": people.scores * mean**self.config.decode.rescore,
            "presence": people.presence,
        }


def _to_host(columns: dict[str, Tensor]) -> dict[str, FloatArray]:
    """Columns (B, N, ...) as float32 arrays, copied from the device all at once."""
    flat = [
        column.float().reshape(*column.shape[:2], math.prod(column.shape[2:]))
        for column in columns.values()
    ]
    table = torch.cat(flat, dim=2).cpu().numpy()
    ends = np.cumsum([part.shape[2] for part in flat])
    parts = np.split(table, ends[:-1], axis=2)
    return {
        name: np.ascontiguousarray(part).reshape(column.shape)
        for (name, column), part in zip(columns.items(), parts, strict=True)
    }


def _tubes_of(columns: dict[str, FloatArray], frames: Sequence[int]) -> PoseTubes:
    """One clip's (N, ...) columns, without empty slots, by falling score."""
    taken = columns.pop("taken") > 0
    columns = {name: column[taken] for name, column in columns.items()}
    order = np.argsort(-columns["scores"], kind="stable")
    return PoseTubes(
        frames=np.asarray(frames, np.int64),
        **{name: column[order] for name, column in columns.items()},
    )
