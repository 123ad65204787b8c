"""Other programs' weights files, and our own for other networks, converted to networks of ours.

===============  ======================================  ==============================
layout           file                                    recognised by
===============  ======================================  ==============================
ours             ``.safetensors`` with a configuration   its header
torchvision      ``.pth`` or ``.safetensors``            ``backbone.body.conv1.weight``, or
                                                         ``layer1.0.conv1.weight``: a ResNet
                                                         that classifies, of which the body
                                                         is taken
Detectron        ``.pkl`` with ``blobs``                 ``conv1_w``
Detect-and-Track the same                                ... of five axes, or ``VIDEO_ON``
                                                         among its settings
Detectron2       ``.pkl`` with ``model``                 ``backbone.bottom_up...``
===============  ======================================  ==============================

Nothing in a file is executed. Every array is used or reported as unused; every parameter is loaded
or reported as fresh.
"""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from posetube.errors import FormatError, InputError, WeightsError
from posetube.file_reading import sha256_of
from posetube.restricted_pickle import load_plain
from posetube.shortage import require_memory, shortage_of

from ..configs.necks import C4Config
from ..configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from ..inflate import Inflation, fit
from ..model_info import ModelInfo
from ..presets import (
    detect_and_track_r18,
    detect_and_track_r101,
    detectron2_keypoint_rcnn,
    detectron_keypoint_rcnn,
    keypoint_rcnn_r50,
    retinanet_r50,
)
from ..tube_rcnn import TubeRCNN
from . import convert_detectron, convert_detectron2, convert_torchvision
from .infer_config import LAST, infer_config
from .model_files import weights_file
from .network_check import check_finite, check_network
from .refusal import refused
from .renaming import Renamed
from .weights_header import is_ours
from .weights_io import load_weights

LARGEST_PICKLE = 2 * 1024**3
"""Bytes; a ResNet-101 with its optimiser's state has half a gigabyte."""

GROWTH = 8
"""Arrays take this many bytes for each of the file's at most: bytes become 32-bit numbers, and a
few arrays have two names."""

ASKED = re.compile(r"(?:unsupported|global:) GLOBAL (\S+)")
"""Where torch's refusal says what a file asks for."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A network, and what of the file was used."""

    model: TubeRCNN
    """With the file's weights."""

    layout: str
    """The program whose file it was."""

    unused: tuple[str, ...]
    """Names of arrays of the file that the network has no parameter for."""

    fresh: tuple[str, ...]
    """Parameters that the file does not have; they keep their random values."""


def convert_weights(
    path: Path,
    *,
    into: TubeRCNNConfig | None = None,
    skeleton: str | None = None,
    inflation: Inflation = "center",
) -> Converted:
    """Read a weights file of another program, or one of ours to fill another network.

    Args:
        path: The file.
        into: The network to fill; kernels that look at more frames are inflated. None: the network
            that the weights came from.
        skeleton: The weights' joint set, if their layout does not tell.
        inflation: How kernels gain a time axis.

    Raises:
        InputError: If a joint set is given and the file is ours, which says it itself.
        WeightsError: If the file is missing, would execute something, has an unknown layout, a
            shape does not fit, or nothing does.
    """
    if is_ours(path):
        if skeleton is not None:
            raise InputError(f"{path}: says itself which joints it has; leave the joint set out")
        return _from_ours(path, into=into, inflation=inflation)
    tensors, settings = read_arrays(path)
    check_finite(tensors, source=str(path))
    with refused(path, "its arrays make no network of its layout"):
        layout, renamed, known = _understand(tensors, settings, path)
        if any(name.startswith("proposals.") for name in renamed.parameters):
            preset = infer_config(known, renamed.parameters, skeleton=skeleton)
        elif into is None:
            raise WeightsError(
                f"{path}: holds a body alone, as a network that classifies pictures does; say "
                "which network it shall fill (--into)"
            )
        else:
            renamed, preset = _body_for(into, renamed), into
    torch.manual_seed(0)
    info = ModelInfo(name=path.stem, sha256=sha256_of(path), source=f"converted from {path.name}")
    if into is None and not isinstance(preset, AnchorRCNNConfig):
        renamed, info = _with_embedded_joints(renamed, info)
    model = TubeRCNN(into or preset, info=info)
    unused, fresh = _load(model, renamed, inflation=inflation, path=path)
    check_network(model.eval(), source=str(path))
    return Converted(model=model, layout=layout, unused=unused, fresh=fresh)


def _body_for(config: TubeRCNNConfig, renamed: Renamed) -> Renamed:
    """A body's weights, the last stage of which is the box head's in networks without pyramid."""
    body, head = "body.stages.4.", f"{LAST}."
    old, new = (body, head) if isinstance(config.neck, C4Config) else (head, body)

    def moved(name: str) -> str:
        return new + name.removeprefix(old) if name.startswith(old) else name

    return renamed._replace(
        parameters={moved(name): value for name, value in renamed.parameters.items()},
        sources={moved(name): source for name, source in renamed.sources.items()},
    )


def _with_embedded_joints(renamed: Renamed, info: ModelInfo) -> tuple[Renamed, ModelInfo]:
    """Weights that know no joints, with the keypoint head of the embedded model."""
    embedded = load_weights(weights_file("tiny"))
    head = {
        name: tensor
        for name, tensor in embedded.state_dict().items()
        if name.startswith("keypoint_head.")
    }
    whole = renamed._replace(
        parameters=renamed.parameters | head,
        sources=renamed.sources | {name: name for name in head},
    )
    source = f"{info.source}, with the joints of {embedded.info.name}"
    return whole, replace(info, source=source, parents=embedded.info.as_parent())


def _from_ours(path: Path, *, into: TubeRCNNConfig | None, inflation: Inflation) -> Converted:
    source = load_weights(path)
    weights = source.state_dict()
    renamed = Renamed(parameters=weights, sources={name: name for name in weights}, unused=[])
    torch.manual_seed(0)
    # the same weights in another form: they keep their licence
    info = replace(
        source.info,
        source=f"converted from {path.name}: {source.info.source}",
        parents=source.info.as_parent(),
    )
    model = TubeRCNN(into or source.config, info=info)
    unused, fresh = _load(model, renamed, inflation=inflation, path=path)
    return Converted(model=model.eval(), layout="ours", unused=unused, fresh=fresh)


def read_arrays(path: Path) -> tuple[dict[str, Tensor], str]:
    """All named arrays of a file as float32, whatever its layout, and its settings as text.

    Only Detectron's and Detect-and-Track's pickles hold settings; they are never interpreted.

    Raises:
        WeightsError: If it is missing, unreadable, or would execute something.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    if path.suffix == ".safetensors":
        with refused(path, "not a safetensors file"):
            return {name: tensor.float() for name, tensor in load_file(path).items()}, ""
    if path.suffix == ".pkl":
        arrays, settings = _read_pickle(path)
        return _tensors(arrays, path), settings
    return _tensors(_read_torch(path), path), ""


def _read_pickle(path: Path) -> tuple[Any, str]:
    try:
        content = load_plain(path, max_bytes=LARGEST_PICKLE)
    except (FormatError, InputError) as error:
        raise WeightsError(str(error)) from error
    if isinstance(content, dict):
        return content.get("blobs", content.get("model", content)), str(content.get("cfg", ""))
    return content, ""


def _read_torch(path: Path) -> Any:
    with refused(path, "not a sound file of torch weights"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old pickles: what counts is what they hold
        _check_size(path)
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            # torch advises to load such files with execution allowed; that is no advice of ours
            asked = ASKED.search(str(error))
            reason = (
                f"it asks for {asked[1]}; only data is read" if asked else "its pickle is damaged"
            )
            raise WeightsError(f"{path}: refused: {reason}") from error
        except (MemoryError, RuntimeError) as error:
            if shortage_of(error) is None:
                raise
            # Where its own bytes find room twice, a file that asks for more is not sound.
            require_memory(2 * path.stat().st_size)
            raise WeightsError(f"{path}: refused: it asks for too much memory") from error
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            return content[key]
    return content


def _check_size(path: Path) -> None:
    """Refuse what torch would follow into any amount of memory, however small the file.

    Raises:
        WeightsError: If the archive unpacks to more than the file, or asks for empty bytes, the one
            call that torch allows to files of weights and that fills memory by itself.
    """
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > size:
                raise WeightsError(f"{path}: refused: its archive unpacks to more than the file")
    if not size:
        raise WeightsError(f"{path}: refused: it is empty")
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        if content.find(b"\nbytearray\n") >= 0:
            raise WeightsError(f"{path}: refused: it asks for bytearray; only data is read")


def _tensors(arrays: Any, path: Path) -> dict[str, Tensor]:
    """Numeric arrays as float32; anything else in the file is left out."""
    if not isinstance(arrays, Mapping):
        raise WeightsError(f"{path}: expected named arrays, got {type(arrays).__name__}")
    found, room = {}, GROWTH * path.stat().st_size
    for name, array in arrays.items():
        tensor = isinstance(array, Tensor) and _is_plain(array)
        if not tensor and not (isinstance(array, np.ndarray) and array.dtype.kind in "fiub"):
            continue
        room -= 4 * int(np.prod(array.shape, dtype=object))
        if room < 0:  # a small file, a huge array
            raise WeightsError(f"{path}: {name} repeats numbers instead of holding them")
        if tensor:
            found[str(name)] = array.detach().float()
            continue
        with np.errstate(over="ignore"):  # what becomes infinite is refused as such
            found[str(name)] = torch.from_numpy(array.astype(np.float32))
    return found


def _is_plain(array: Tensor) -> bool:
    """Whether a tensor holds real numbers, here and one by one."""
    spread = array.layout is not torch.strided or array.is_meta
    return not (spread or array.is_quantized or array.is_complex())


def _understand(
    tensors: Mapping[str, Tensor], settings: str, path: Path
) -> tuple[str, Renamed, TubeRCNNConfig]:
    """Whose file it is, the weights under our names, and what else that program does."""
    if convert_torchvision.MARK in tensors:
        v1 = sha256_of(path).startswith(convert_torchvision.COCO_V1)
        epsilon = 0 if v1 else 1e-5
        if convert_torchvision.RETINANET_MARK in tensors:
            renamed = convert_torchvision.from_retinanet(tensors, epsilon=epsilon)
            return "torchvision", renamed, retinanet_r50()
        renamed = convert_torchvision.from_torchvision(tensors, epsilon=epsilon)
        return "torchvision", renamed, keypoint_rcnn_r50()
    if convert_torchvision.CLASSIFIER_MARK in tensors:
        renamed = convert_torchvision.from_classifier(tensors)
        return "torchvision", renamed, keypoint_rcnn_r50()
    if convert_detectron2.MARK in tensors:
        renamed = convert_detectron2.from_detectron2(tensors)
        return "detectron2", renamed, detectron2_keypoint_rcnn()
    if convert_detectron.MARK in tensors:
        renamed = convert_detectron.from_detectron(tensors)
        # Detect-and-Track writes plain 2D networks as Detectron does; its settings tell
        video = tensors[convert_detectron.MARK].ndim == 5 or "VIDEO_ON" in settings
        flat = _without_empty_time(renamed)
        if video:
            return "detect-and-track", flat, _detect_and_track_preset(flat, settings)
        return "detectron", flat, _detectron_preset(flat)
    raise WeightsError(
        f"{path}: unknown layout, expected that of torchvision, Detectron, Detect-and-Track or "
        f"Detectron2; it holds {', '.join(sorted(tensors)[:3]) or 'no arrays'}"
    )


def _detectron_preset(renamed: Renamed) -> AnchorRCNNConfig:
    """A preset with Detectron's habits, with a pyramid or with one level."""
    preset = detectron_keypoint_rcnn()
    if "neck.lateral.0.weight" in renamed.parameters:
        return preset
    single = detect_and_track_r18()
    return replace(
        preset,
        proposals=replace(preset.proposals, anchors=single.proposals.anchors),
        box_head=replace(preset.box_head, pool=single.box_head.pool, hidden=None),
        keypoint_head=replace(preset.keypoint_head, pool=single.keypoint_head.pool),
    )


def _detect_and_track_preset(renamed: Renamed, settings: str) -> AnchorRCNNConfig:
    """The published network that these weights resemble, for clips or for single frames."""
    preset = detect_and_track_r18()
    if "neck.lateral.0.weight" in renamed.parameters:
        preset = detect_and_track_r101()
    elif all(tensor.ndim < 5 for tensor in renamed.parameters.values()):
        preset = replace(
            preset,
            proposals=replace(preset.proposals, nms_suppresses="at"),
            box_head=replace(preset.box_head, nms_suppresses="at", order="proposal"),
        )
    if "keypoints_coco" in settings and "posetrack" not in settings:
        preset = replace(preset, skeleton="coco17")
    return preset


def _without_empty_time(renamed: Renamed) -> Renamed:
    """Drop time axes of one frame, which our layers do not have."""
    flat = {
        name: tensor[:, :, 0] if tensor.ndim == 5 and tensor.shape[2] == 1 else tensor
        for name, tensor in renamed.parameters.items()
    }
    return renamed._replace(parameters=flat)


def _load(
    model: TubeRCNN, renamed: Renamed, *, inflation: Inflation, path: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fill the network; returns what of the file is unused, and what of the network is fresh."""
    own = model.state_dict()
    unused = [*renamed.unused]
    for name, tensor in renamed.parameters.items():
        if name not in own:
            unused.append(renamed.sources[name])
            continue
        with refused(path, f"{renamed.sources[name]} does not fit our {name}"):
            fitted = fit(tensor, own[name], mode=inflation)
        if fitted is own[name]:
            raise WeightsError(
                f"{path}: {renamed.sources[name]} (our {name}) has shape {tuple(tensor.shape)}, "
                f"expected {tuple(own[name].shape)}"
            )
        own[name] = fitted
    model.load_state_dict(own)
    fresh = sorted(own.keys() - renamed.parameters.keys())
    if len(fresh) == len(own):
        raise WeightsError(f"{path}: none of its weights has a place in this network")
    return tuple(sorted(unused)), tuple(fresh)
