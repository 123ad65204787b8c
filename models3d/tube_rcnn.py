"""The network: from the frames of a clip to one tube per person.

::

    frames ─ prepare ─ body ─ neck ─┬─ proposals ─ tubes ─┐
                                    ├─ pool ─────────── box head ─ people ─┐
                                    ├─ pool ────────────────────── keypoint head ─ joints
                                    └─ pool ────────── where there is one, mask head ─ masks

:meth:`TubeRCNN.encode` looks at each frame alone (the body's first stages, often the whole body and
neck) and is called once per frame; :meth:`TubeRCNN.detect_features` mixes the frames of a clip.
:meth:`TubeRCNN.detect` is both. Where the cut lies follows from the time kernels in the
configuration. Inside, nothing waits for the device (:mod:`.slots` says how).

Longer than other files, so that the whole way from frames to tubes stands in one place.

Source: Girdhar et al., "Detect-and-Track: Efficient Pose Estimation in Videos", CVPR 2018, fig. 2.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.network import TubeHeatmaps, check_clip, check_tubes
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import ByteArray, BytesArray, Clip, FloatArray, PoseTubes

from .appearance import LookMap, embed, look_maps
from .arrays import on_host
from .box_head import TubeDetections, proposed_people
from .configs.networks import TubeRCNNConfig
from .crop_memory import CropMemory
from .features import (
    ClipFeatures,
    FrameFeatures,
    JoinedFrames,
    Pictures,
    ScaledMaps,
    join_frames,
)
from .heatmaps import decode_joints
from .joint_peaks import Joints
from .mask_pasting import packed_masks
from .model_info import ModelInfo
from .network_input import prepare, prepare_scales
from .packed_maps import packed_maps
from .parts import EmbeddingHead, build
from .poses import ClipPeople, found_people, given_people
from .preprocess import Geometry
from .proposals import ProposalHead
from .slots import copied_to_device, copied_to_host
from .tube_choice import Proposals


class Found(NamedTuple):
    """What the network found in B clips, N slots each."""

    people: TubeDetections
    """Boxes in pixels of the displayed frame, scores, presence, and which slots are taken."""

    looked_at: Tensor
    """(B, N, T, 4) the boxes that the keypoint head looked at, pixels of the network's input."""

    heatmaps: Tensor
    """(B, N, T, K, S, S) logits."""

    joints: Joints
    """(B, N, T, K, ...) in pixels of the displayed frame."""

    looks: Tensor | None
    """(B, N, T, D) vectors of appearance; None if the keypoint head has none, or was not asked."""

    masks: Tensor | None = None
    """(B, N, T, m, m) probability of each cell of a box to be the person; None if not asked."""


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
        self.body = build("body", config.body)
        self.neck = build(
            "neck", config.neck, channels=self.body.channels, strides=self.body.strides
        )
        channels = self.neck.channels
        self.proposals = build(
            "proposals", config.proposals, channels=channels, strides=self.neck.strides
        )
        self.box_head: Any = (
            None
            if config.box_head is None
            else build("box_head", config.box_head, body=config.body, channels=channels)
        )
        self.keypoint_head = build("keypoint_head", config.keypoint_head, channels=channels)
        self.mask_head: Any = (
            None
            if config.mask_head is None
            else build("mask_head", config.mask_head, channels=channels)
        )
        # The steps are the body's stages, the neck's merge (always frame by frame) and its smooth.
        # Everything before the first time kernel is done once per frame, the rest once per clip.
        times = [*self.body.times, 1, self.neck.time]
        self._cut = next((step for step, time in enumerate(times) if time > 1), len(times))
        self._still = min(self._cut, len(self.body.stages))
        # Where levels are those of single frames, so is what the proposal head makes of them.
        self._proposes_early = (
            self._cut == len(times)
            and isinstance(self.proposals, ProposalHead)
            and self.proposals.config.time == 1
        )

    @property
    def skeleton(self) -> Skeleton:
        """Names and order of the K joints."""
        return skeleton(self.config.skeleton)

    @property
    def clip_length(self) -> int:
        """T: how many frames the network looks at together."""
        return self.config.clip_length

    @property
    def draws_masks(self) -> bool:
        """Whether it has a mask head."""
        return self.mask_head is not None

    def detect(self, clip: Clip, *, embeddings: bool = False) -> PoseTubes:
        """Find everybody in a clip of T frames, on request with vectors of their appearance.

        Raises:
            InputError: If the clip does not have T frames.
        """
        features = self.encode(clip.images, embeddings=embeddings)
        return self.detect_features(features, clip.frames.tolist())

    @torch.inference_mode()
    def encode(
        self,
        images: ByteArray,
        *,
        embeddings: bool = False,
        heatmaps: bool = False,
        masks: bool = False,
    ) -> list[FrameFeatures]:
        """The per-frame part, once per frame.

        Args:
            images: (B, H, W, 3) RGB uint8 frames of one size, of any clips.
            embeddings: Whether to keep what :meth:`detect_features` needs for appearance vectors.
            heatmaps: Whether it keeps the heatmaps of the clip's centre frame.
            masks: Whether it draws people's masks in the clip's centre frame.

        Raises:
            InputError: If the images are not of that shape and type, embeddings are asked of a
                network whose keypoint head has none and whose body's first stage mixes frames, or
                masks of a network without a mask head.
        """
        if masks and self.mask_head is None:
            raise InputError(f"{self.info.name} has no mask head, so it draws no masks")
        device = next(self.parameters()).device
        inputs, scales = self.config.preprocess, self.config.further_sides
        (pixels, geometry), *smaller = (
            prepare_scales(images, inputs, scales) if scales else [prepare(images, inputs)]
        )
        stages, maps = self.frame_maps(copied_to_device(pixels, device))
        if self._proposes_early:
            maps = [*maps, *self.proposals.responses(maps)]
        further = [ScaledMaps(self.frame_part(copied_to_device(p, device)), g) for p, g in smaller]
        looks: tuple[LookMap, ...] = ()
        if embeddings and not isinstance(self.keypoint_head, EmbeddingHead):
            looks = look_maps(stages, self.body.strides[: self._still])
        # frames of a single clip are not looked at again
        remembers = self.clip_length > 1 and self.keypoint_head.remembers
        pictures: Sequence[Tensor | None] = [None] * len(images)
        if self.keypoint_head.wants_pictures:
            # torch refuses views with steps backwards, such as channels turned round
            whole = copied_to_device(torch.from_numpy(np.ascontiguousarray(images)), device)
            pictures = torch.split(whole.permute(0, 3, 1, 2), 1)
        return [
            FrameFeatures(
                maps=tuple(m[frame : frame + 1] for m in maps),
                geometry=geometry,
                looks=tuple(look._replace(map=look.map[frame : frame + 1]) for look in looks),
                embeddings=embeddings,
                heatmaps=heatmaps,
                masks=masks,
                picture=picture,
                further=tuple(
                    size._replace(maps=[m[frame : frame + 1] for m in size.maps])
                    for size in further
                ),
                crops=CropMemory() if remembers else None,
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
            check_clip(self.clip_length, clip, indices)
        joined = join_frames([feature for clip in clips for feature in clip])
        found = self.find(
            joined.maps,
            joined.geometry,
            joined.pictures,
            further=joined.further,
            crops=joined.crops,
            wait=True,
            embeddings=joined.embeddings,
            masks=joined.masks,
        )
        size = joined.geometry.picture
        return [
            found_people(people, indices, picture=size, config=self.config)
            for people, indices in zip(self._on_host(found, joined), frames, strict=True)
        ]

    @torch.inference_mode()
    def find_joints(
        self,
        features: Sequence[FrameFeatures],
        frames: Sequence[int],
        *,
        tubes: FloatArray,
        scores: FloatArray,
    ) -> PoseTubes:
        """Read the joints of given people, without searching for any.

        Args:
            features: From :meth:`encode`, one per frame of a clip.
            frames: T indices of the frames in their video, not decreasing.
            tubes: (N, T, 4) a box per person and frame, pixels of the displayed frame.
            scores: (N,) how sure the boxes are, in [0, 1]; they take the place of the network's.

        Returns:
            These people, in this order, with these boxes; with embeddings if all frames were
            encoded for them.

        Raises:
            InputError: As for :meth:`heatmaps`.

        Source:
            Girshick, "Fast R-CNN", ICCV 2015, whose proposals come from outside.
        """
        joined = self._joined(features, tubes, frames)
        given = torch.from_numpy(tubes).float().to(joined.maps[0].device)[None]
        people = TubeDetections(
            boxes=given,
            scores=torch.from_numpy(scores).float().to(given.device)[None],
            presence=torch.ones_like(given[..., 0]),
            taken=torch.ones_like(given[..., 0, 0], dtype=torch.bool),
        )
        clip = self.clip_part(joined.maps, self.clip_length, joined.pictures)
        found = self._described(
            clip, people, joined.geometry, embeddings=joined.embeddings, masks=joined.masks
        )
        [alone] = self._on_host(found, joined)
        alone = alone._replace(boxes=tubes.astype(np.float32))
        return given_people(alone, frames, config=self.config)

    @property
    def judges_boxes(self) -> bool:
        """Whether it has a box head."""
        return self.box_head is not None

    @torch.inference_mode()
    def judge_boxes(
        self, features: Sequence[FrameFeatures], frames: Sequence[int], *, tubes: FloatArray
    ) -> PoseTubes:
        """Let the box head judge boxes from outside, as it judges the network's own proposals.

        It says who is a person, corrects boxes, and keeps one of many similar ones.

        Args:
            features: From :meth:`encode`, one per frame of a clip.
            frames: T indices of the frames in their video, not decreasing.
            tubes: (N, T, 4) a box per proposal and frame, pixels of the displayed frame.

        Returns:
            As :meth:`detect_features`.

        Raises:
            InputError: As for :meth:`heatmaps`, and of a network without a box head.

        Source:
            Girshick, "Fast R-CNN", ICCV 2015, whose proposals come from outside.
        """
        if self.box_head is None:
            raise InputError(f"{self.info.name} has no box head, so it judges no boxes")
        if not len(tubes):  # nobody is proposed, and nobody found
            return self.find_joints(features, frames, tubes=tubes, scores=np.zeros(0, np.float32))
        joined = self._joined(features, tubes, frames)
        given = torch.from_numpy(tubes).float().to(joined.maps[0].device)[None]
        everybody = torch.ones_like(given[..., 0, 0])
        proposals = Proposals(
            tubes=joined.geometry.to_network(given), scores=everybody, taken=everybody > 0
        )
        clip = self.clip_part(joined.maps, self.clip_length, joined.pictures)
        people = self.box_head.find_people(clip, proposals, joined.geometry).shortened()
        found = self._described(
            clip, people, joined.geometry, embeddings=joined.embeddings, masks=joined.masks
        )
        [alone] = self._on_host(found, joined)
        return found_people(alone, frames, picture=joined.geometry.picture, config=self.config)

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
        joined = self._joined(features, tubes)
        maps, geometry = joined.maps, joined.geometry
        boxes = geometry.to_network(torch.from_numpy(tubes).float().to(maps[0].device))[None]
        clip = self.clip_part(maps, self.clip_length, joined.pictures)
        drawn, _ = self._draw(clip, boxes)
        return self._heatmaps(drawn[0], boxes[0], geometry)

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
        """The frames' maps, each (B * length, C, h, w), to what the heads pool from.

        What the proposal head says of every frame may follow the levels.
        """
        maps = self._advance(maps, range(self._cut, len(self.body.stages) + 2), length)
        count = len(self.neck.strides)
        return ClipFeatures(
            levels=maps[:count],
            strides=self.neck.strides,
            length=length,
            pictures=pictures,
            proposal_responses=maps[count:] or None,
        )

    def propose(
        self, features: ClipFeatures, geometry: Geometry, further: Sequence[ScaledMaps] = ()
    ) -> Proposals:
        """Where people may be in B clips; the arguments are those of :meth:`find`."""
        sizes = ((self.clip_part([*s.maps], self.clip_length), s.geometry) for s in further)
        # heads with anchors know no further sizes
        more = (sizes,) if further else ()
        proposals: Proposals = self.proposals.find_tubes(features, geometry, *more)
        return proposals

    def find(
        self,
        maps: list[Tensor],
        geometry: Geometry,
        pictures: Pictures | None = None,
        *,
        further: Sequence[ScaledMaps] = (),
        crops: Sequence[CropMemory] = (),
        wait: bool = False,
        embeddings: bool = False,
        masks: bool = False,
    ) -> Found:
        """The clip part and the heads on B clips.

        Args:
            maps: From :meth:`frame_part`, the T frames of one clip after the other.
            geometry: Where all these frames lie in the network's input.
            pictures: The frames themselves, if a head pools from them.
            further: The same frames in further sizes of the network's input, in which people are
                looked for as well.
            crops: What is known of each frame's crops; new ones are added.
            wait: Whether to wait for the device once, for the number of people. If not, joints are
                computed for as many as there can be, which costs more than waiting if the keypoint
                head is large; but nothing waits, unless joints are decoded by the ``resized`` rule.
            embeddings: Whether to ask the keypoint head for vectors of appearance.
            masks: Whether to ask the mask head.
        """
        features = self.clip_part(maps, self.clip_length, pictures)._replace(crops=crops)
        proposals = self.propose(features, geometry, further)
        if self.box_head is None:
            people = proposed_people(proposals, geometry)
        else:
            people = self.box_head.find_people(features, proposals, geometry)
        if wait or on_host(people.taken):
            people = people.shortened()
        return self._described(features, people, geometry, embeddings=embeddings, masks=masks)

    def _described(
        self,
        features: ClipFeatures,
        people: TubeDetections,
        geometry: Geometry,
        *,
        embeddings: bool,
        masks: bool,
    ) -> Found:
        """B clips' people with their joints and, on request, looks and masks."""
        boxes = features.known_boxes(geometry.to_network(people.boxes))
        heatmaps, looks = self._draw(features, boxes, embeddings=embeddings)
        joints = decode_joints(
            heatmaps.flatten(0, 2),
            self.keypoint_head.regions(boxes).flatten(0, 2),
            geometry=geometry,
            config=self.config.decode,
        )
        columns = (torch.unflatten(column, 0, boxes.shape[:3]) for column in joints)
        at = geometry.to_network(people.boxes)
        drawn = self.mask_head.draw_people(features, at) if masks else None
        return Found(people, boxes, heatmaps, Joints(*columns), looks, drawn)

    def _draw(
        self, features: ClipFeatures, boxes: Tensor, *, embeddings: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """(B, N, T, K, S, S) logits and, from some heads, (B, N, T, D) vectors of appearance.

        The boxes are (B, N, T, 4), pixels of the network's input.
        """
        head, people = self.keypoint_head, boxes.shape[:3]
        pooled: Any = head.pool(features, boxes.unbind())  # each head knows its own
        if embeddings and isinstance(head, EmbeddingHead):
            drawn, looks = head.draw_and_embed(pooled, features.length)
            return torch.unflatten(drawn, 0, people), torch.unflatten(looks, 0, people)
        return torch.unflatten(head(pooled, features.length), 0, people), None

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

    def _joined(
        self,
        features: Sequence[FrameFeatures],
        tubes: FloatArray,
        indices: Sequence[int] | None = None,
    ) -> JoinedFrames:
        """The frames of a clip in which people are given."""
        check_clip(self.clip_length, features, indices)
        check_tubes(self.clip_length, tubes)
        return join_frames(features)

    def _on_host(self, found: Found, joined: JoinedFrames) -> list[ClipPeople]:
        """What was found in each of B clips, without empty slots."""
        people, joints, looks = found.people, found.joints, found.looks
        if joined.looks:
            looks = embed(joined.looks, joined.geometry.to_network(people.boxes))
        tables = copied_to_host(
            {
                "taken": people.taken,
                "boxes": people.boxes,
                "scores": people.scores,
                "presence": people.presence,
                "positions": joints.positions,
                "peaks": joints.logits,
                "joint_scores": joints.scores,
                **({} if looks is None else {"embeddings": looks}),
            }
        )
        slots = tables.pop("taken") > 0
        clips = [
            ClipPeople(**{name: table[clip][taken] for name, table in tables.items()})
            for clip, taken in enumerate(slots)
        ]
        for clip, taken in enumerate(torch.from_numpy(slots)):
            if joined.heatmaps:
                looked_at = found.looked_at[clip][taken]
                kept = self._kept_maps(found.heatmaps[clip][taken], looked_at, joined.geometry)
                clips[clip] = clips[clip]._replace(heatmaps=kept)
            if found.masks is not None:
                kept = self._kept_masks(found.masks[clip][taken], clips[clip], joined.geometry)
                clips[clip] = clips[clip]._replace(masks=kept)
        return clips

    def _kept_maps(self, maps: Tensor, boxes: Tensor, geometry: Geometry) -> BytesArray:
        """(N, T) what is kept of a clip's (N, T, K, S, S) maps: those of its centre frame."""
        packed: BytesArray = np.full(boxes.shape[:2], b"", object)
        centre = slice(self.clip_length // 2, self.clip_length // 2 + 1)
        drawn = self._heatmaps(maps[:, centre], boxes[:, centre], geometry)
        packed[:, centre] = packed_maps(drawn)
        return packed

    def _kept_masks(self, masks: Tensor, people: ClipPeople, geometry: Geometry) -> BytesArray:
        """(N, T) what is kept of a clip's (N, T, m, m) masks: those of its centre frame."""
        packed: BytesArray = np.full(people.boxes.shape[:2], b"", object)
        centre = self.clip_length // 2
        drawn = masks[:, centre].cpu().numpy()
        packed[:, centre] = packed_masks(drawn, people.boxes[:, centre], size=geometry.picture)
        return packed

    def _heatmaps(self, maps: Tensor, boxes: Tensor, geometry: Geometry) -> TubeHeatmaps:
        """(N, T, K, S, S) maps, drawn at boxes in pixels of the network's input, on the host."""
        return TubeHeatmaps(
            logits=maps.float().cpu().numpy(),
            regions=geometry.to_picture(self.keypoint_head.regions(boxes)).cpu().numpy(),
            kind=self.config.decode.map_kind,
            calibration=self.config.decode.calibration,
        )
