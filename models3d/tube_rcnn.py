"""The network: from the frames of a clip to one tube per person.

::

    frames ─ prepare ─ body ─ neck ─┬─ proposals ─ tubes ─┐
                                    ├─ RoIAlign ─────── box head ─ people ─┐
                                    └─ RoIAlign ────────────────── keypoint head ─ joints

What looks at one frame alone (the body's first stages, often the whole body and neck) is
:meth:`TubeRCNN.encode`, computed once per frame; what mixes the frames of a clip is
:meth:`TubeRCNN.detect_features`. :meth:`TubeRCNN.detect` is both. Where the cut lies follows from
the time kernels in the configuration.

Source: Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018, fig. 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import ByteArray, Clip, PoseTubes

from .appearance import LookMap, embed, look_maps
from .box_head import (
    BoxHead,
    BoxHeadConfig,
    FullyConnected,
    LastStage,
    TubeDetections,
    detect_people,
)
from .heatmaps import DecodeConfig, Joints, decode_joints
from .joint_neck import JointNeck, JointNeckConfig
from .keypoint_head import KeypointHead, KeypointHeadConfig
from .mobile_body import MobileBody, MobileBodyConfig
from .neck import C4Config, C4Neck, FPNConfig, FPNNeck
from .preprocess import Geometry, PreprocessConfig, prepare
from .proposals import ProposalConfig, ProposalHead, propose
from .resnet import ResNet, ResNetConfig, ResNetStage, channels_of
from .roi_align import pool_tubes

BodyConfig = ResNetConfig | MobileBodyConfig
NeckConfig = C4Config | FPNConfig | JointNeckConfig


@dataclass(frozen=True, kw_only=True)
class TubeRCNNConfig:
    """All parts of a network; presets fill it in (:mod:`posetube.models3d.presets`)."""

    skeleton: str
    """Name of the joint set that the K joints follow."""

    clip_length: int = 1
    """T, an odd number of frames."""

    preprocess: PreprocessConfig
    """From frames to the network's input."""

    body: BodyConfig
    """Features of several sizes."""

    neck: NeckConfig
    """From these to the levels in which people are found."""

    proposals: ProposalConfig
    """Where people may be."""

    box_head: BoxHeadConfig
    """Which of these are people, and their boxes."""

    keypoint_head: KeypointHeadConfig
    """Their joints' heatmaps."""

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


@dataclass(frozen=True, kw_only=True)
class FrameFeatures:
    """What the per-frame part makes of one frame; opaque to callers, kept while a clip needs it."""

    maps: tuple[Tensor, ...]
    """Each (1, C, h, w)."""

    geometry: Geometry
    """Where the frame lies in the network's input."""

    looks: tuple[LookMap, ...] = ()
    """What appearance is read from, each map (1, C, h, w); empty where nobody asked for it."""


class Pyramid(NamedTuple):
    """What the clip part makes of B clips."""

    levels: list[Tensor]
    """Per level (B * T, C, h, w), finest first."""

    joint_map: Tensor | None
    """(B * T, C + K, h, w) features and logits per joint, where the neck makes them."""


class Found(NamedTuple):
    """What the network found in one clip, as tensors."""

    people: TubeDetections
    """N people, in pixels of the displayed frame."""

    heatmaps: Tensor
    """(N * T, K, S, S) logits."""

    joints: Joints
    """(N * T, K, ...) in pixels of the displayed frame."""


class TubeRCNN(nn.Module):
    """Detect-and-Track's network, its parts chosen by configuration."""

    def __init__(self, config: TubeRCNNConfig, *, info: ModelInfo | None = None) -> None:
        """Build it with random weights."""
        super().__init__()
        self.config = config
        self.info = info or ModelInfo(name="untrained")
        self.body = _body(config.body)
        self.neck = _neck(config.neck, self.body)
        channels = self.neck.channels
        self.proposals = ProposalHead(
            config.proposals, channels=channels, strides=self.neck.strides
        )
        self.box_head = _box_head(config, channels)
        self.keypoint_head = KeypointHead(config.keypoint_head, inputs=channels)
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
            embeddings: Whether to keep what :meth:`detect_features` needs to say what people look
                like.

        Raises:
            InputError: If the images are not of that shape and type, or embeddings are asked of a
                body whose first stage mixes frames.
        """
        pixels, geometry = prepare(images, self.config.preprocess)
        stages, maps = self.frame_maps(pixels.to(next(self.parameters()).device))
        looks = look_maps(stages, self.body.strides[: self._still]) if embeddings else ()
        return [
            FrameFeatures(
                maps=tuple(m[frame : frame + 1] for m in maps),
                geometry=geometry,
                looks=tuple(look._replace(map=look.map[frame : frame + 1]) for look in looks),
            )
            for frame in range(len(images))
        ]

    @torch.inference_mode()
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
        if not len(features) == len(frames) == self.clip_length:
            raise InputError(
                f"this network looks at clips of {self.clip_length} frames, got "
                f"{len(features)} frames with {len(frames)} indices"
            )
        pictures = {feature.geometry.picture for feature in features}
        if len(pictures) > 1:
            raise InputError(f"the frames of a clip must have one size, got {sorted(pictures)}")
        maps = [torch.cat(parts) for parts in zip(*(f.maps for f in features), strict=True)]
        found = self.find(maps, features[0].geometry)
        return self._to_tubes(found, frames, embeddings=_embeddings(found, features))

    def frame_part(self, pixels: Tensor) -> list[Tensor]:
        """(frames, 3, h, w) network input to what the clip part needs of each frame."""
        return self.frame_maps(pixels)[1]

    def frame_maps(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The same, after what the body's stages say that look at single frames.

        This is what is worth compiling, for frames of one size:
        ``network.frame_maps = torch.compile(network.frame_maps)``.
        """
        maps = self._advance([pixels], range(self._still), 1)
        return maps[1:], self._advance(maps, range(self._still, self._cut), 1)

    def clip_part(self, maps: list[Tensor], length: int) -> Pyramid:
        """The frames' maps, each (B * length, C, h, w), to the levels that people are found in."""
        maps = self._advance(maps, range(self._cut, len(self.body.stages) + 2), length)
        count = len(self.neck.strides)
        return Pyramid(maps[:count], maps[count] if len(maps) > count else None)

    def find(self, maps: list[Tensor], geometry: Geometry) -> Found:
        """The clip part and the heads on one clip, from the maps of its T frames."""
        config, length, to_picture = self.config, self.clip_length, geometry.to_picture
        pyramid = self.clip_part(maps, length)
        anchors = self.proposals.maps(pyramid.levels, length=length, padded=geometry.padded)
        [(tubes, _)] = propose(
            anchors, size=geometry.resized, padded=geometry.padded, config=config.proposals
        )
        judged = self.box_head(self.pool_boxes(pyramid, [tubes]), length)
        people = detect_people(
            judged, tubes, size=geometry.picture, config=config.box_head, to_picture=to_picture
        )
        boxes = geometry.to_network(people.boxes)
        heatmaps = self.keypoint_head(self.pool_joints(pyramid, [boxes]), length)
        joints = decode_joints(
            heatmaps, boxes.flatten(0, 1), geometry=geometry, config=config.decode
        )
        return Found(people, heatmaps, joints)

    def pool_boxes(self, pyramid: Pyramid, tubes: Sequence[Tensor]) -> Tensor:
        """Features of every clip's (R, T, 4) tubes for the box head, (sum of R * T, C, P, P)."""
        pool = self.config.box_head.pool
        return pool_tubes(pyramid.levels, tubes, strides=self.neck.strides, config=pool)

    def pool_joints(self, pyramid: Pyramid, tubes: Sequence[Tensor]) -> Tensor:
        """Features of every clip's (R, T, 4) tubes for the keypoint head, likewise."""
        pool = self.config.keypoint_head.pool
        levels = pyramid.levels if pyramid.joint_map is None else [pyramid.joint_map]
        return pool_tubes(levels, tubes, strides=self.neck.strides, config=pool)

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

    def _to_tubes(
        self, found: Found, frames: Sequence[int], *, embeddings: Tensor | None
    ) -> PoseTubes:
        people, _, joints = found
        shape = (len(people.scores), self.clip_length)
        keypoint_scores = torch.unflatten(joints.scores, 0, shape)
        scores = people.scores * keypoint_scores.mean(dim=(1, 2)) ** self.config.decode.rescore
        order = scores.argsort(descending=True, stable=True)
        columns = {
            "boxes": people.boxes,
            "keypoints": torch.unflatten(joints.positions, 0, shape),
            "keypoint_scores": keypoint_scores,
            "scores": scores,
            "presence": people.presence,
        }
        if embeddings is not None:
            columns["embeddings"] = embeddings
        return PoseTubes(
            frames=np.asarray(frames, np.int64),
            **{name: column[order].float().cpu().numpy() for name, column in columns.items()},
        )


def _embeddings(found: Found, features: Sequence[FrameFeatures]) -> Tensor | None:
    """(N, T, D) what the people look like, where all T frames were encoded for it."""
    if not all(feature.looks for feature in features):
        return None
    looks = [
        first._replace(map=torch.cat([feature.looks[index].map for feature in features]))
        for index, first in enumerate(features[0].looks)
    ]
    return embed(looks, features[0].geometry.to_network(found.people.boxes))


def _body(config: BodyConfig) -> ResNet | MobileBody:
    return ResNet(config) if isinstance(config, ResNetConfig) else MobileBody(config)


def _neck(config: NeckConfig, body: ResNet | MobileBody) -> C4Neck | FPNNeck | JointNeck:
    if isinstance(config, JointNeckConfig):
        return JointNeck(config, body_channels=body.channels)
    if isinstance(config, FPNConfig):
        return FPNNeck(config, body_channels=body.channels)
    return C4Neck(body_channels=body.channels, body_strides=body.strides)


def _box_head(config: TubeRCNNConfig, channels: int) -> BoxHead:
    """Fully connected layers, or the stage of ResNet that a C4 body has left over."""
    head, body = config.box_head, config.body
    if head.hidden is not None:
        layers = FullyConnected(channels * head.pool.size**2, head.hidden)
        return BoxHead(head, body=layers, features=head.hidden)
    if not isinstance(body, ResNetConfig) or body.stages == 4:
        raise InputError(
            "BoxHeadConfig.hidden may only be None behind a ResNet of 3 stages, whose last stage "
            f"is then the box head; got {body}"
        )
    stage = ResNetStage(body, 3, time=head.time, stride=max(1, head.pool.size // 7))
    return BoxHead(head, body=LastStage(stage), features=channels_of(body, 3))
