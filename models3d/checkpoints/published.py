"""A table of published weights that our networks can use, and the folder of fetched ones.

Nothing is downloaded here (:mod:`.fetch` does it on request).

Sources: torchvision's weights enumeration, and the model zoo of Detectron2, whose file names carry
the first digits of a checksum: SHA-256 in torchvision's, MD5 in Detectron2's.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from posetube.errors import WeightsError

MIB = 1024**2
TORCHVISION = "https://download.pytorch.org/models/"
DETECTRON2 = "https://dl.fbaipublicfiles.com/detectron2/"
BSD = "BSD-3-Clause (torchvision); trained on COCO's photographs, which have their own terms"
CC_BY_SA = "CC BY-SA 3.0 (Detectron2's model zoo)"
BY_HAND = "https://cmu.box.com/s/qn5dnrv6pvrolcr16buxk28ctoizinu8"


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """One published file."""

    name: str
    """Its name here; ``load_network`` takes it after it was fetched."""

    about: str
    """One line: architecture and data."""

    url: str
    """Address of the file, or of a page to download it by hand if ``direct`` is False."""

    direct: bool = True
    """Whether the address is the file itself."""

    size: int | None = None
    """Approximate size of the file, bytes, if known."""

    digest: Literal["sha256", "md5"] = "sha256"
    """Kind of the checksum."""

    checksum: str | None = None
    """The checksum, or its first digits if no more was published; None: not known."""

    licence: str
    """Of the weights."""

    metrics: str
    """As published."""


def _detectron2(name: str, place: str, checksum: str, about: str, metrics: str) -> PublishedModel:
    return PublishedModel(
        name=name,
        about=about,
        url=f"{DETECTRON2}{place}/model_final_{checksum}.pkl",
        digest="md5",
        checksum=checksum,
        licence=CC_BY_SA,
        metrics=metrics,
    )


PUBLISHED = {
    model.name: model
    for model in (
        PublishedModel(
            name="keypoint_rcnn_r50",
            about="Keypoint R-CNN, ResNet-50-FPN, COCO (torchvision COCO_V1)",
            url=f"{TORCHVISION}keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
            size=226 * MIB,
            checksum="fc266e95",
            licence=BSD,
            metrics="COCO val2017: box AP 54.6, keypoint AP 65.0",
        ),
        PublishedModel(
            name="keypoint_rcnn_r50_legacy",
            about="the same, an early epoch (torchvision COCO_LEGACY)",
            url=f"{TORCHVISION}keypointrcnn_resnet50_fpn_coco-9f466800.pth",
            size=226 * MIB,
            checksum="9f466800",
            licence=BSD,
            metrics="COCO val2017: box AP 50.6, keypoint AP 61.1",
        ),
        PublishedModel(
            name="mask_rcnn_r50",
            about="Mask R-CNN, ResNet-50-FPN, COCO (torchvision COCO_V1), with the joints of tiny",
            url=f"{TORCHVISION}maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
            size=170 * MIB,
            checksum="bf2d0c1e",
            licence=BSD,
            metrics="COCO val2017, all classes: box AP 37.9, mask AP 34.6",
        ),
        PublishedModel(
            name="retinanet_r50",
            about="RetinaNet, ResNet-50-FPN, COCO (torchvision COCO_V1), with the joints of tiny",
            url=f"{TORCHVISION}retinanet_resnet50_fpn_coco-eeacb38b.pth",
            size=130 * MIB,
            checksum="eeacb38b",
            licence=BSD,
            metrics="COCO val2017, all classes: box AP 36.4",
        ),
        _detectron2(
            "detectron2_keypoint_r50_1x",
            "COCO-Keypoints/keypoint_rcnn_R_50_FPN_1x/137261548",
            "04e291",
            "Keypoint R-CNN, ResNet-50-FPN, COCO, 1x schedule (Detectron2)",
            "COCO val2017: box AP 53.6, keypoint AP 64.0",
        ),
        _detectron2(
            "detectron2_keypoint_r50_3x",
            "COCO-Keypoints/keypoint_rcnn_R_50_FPN_3x/137849621",
            "a6e10b",
            "Keypoint R-CNN, ResNet-50-FPN, COCO, 3x schedule (Detectron2)",
            "COCO val2017: box AP 55.4, keypoint AP 65.5",
        ),
        _detectron2(
            "detectron2_keypoint_r101_3x",
            "COCO-Keypoints/keypoint_rcnn_R_101_FPN_3x/138363331",
            "997cc7",
            "Keypoint R-CNN, ResNet-101-FPN, COCO, 3x schedule (Detectron2)",
            "COCO val2017: box AP 56.4, keypoint AP 66.1",
        ),
        _detectron2(
            "detectron2_mask_r50_3x",
            "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x/137849600",
            "f10217",
            "Mask R-CNN, ResNet-50-FPN, COCO, 3x schedule (Detectron2), with the joints of tiny",
            "COCO val2017, all classes: box AP 41.0, mask AP 37.2",
        ),
        PublishedModel(
            name="detect_and_track_r101",
            about="Detect-and-Track's best network: 2D ResNet-101-FPN, PoseTrack17",
            url=BY_HAND,
            direct=False,
            licence="not stated; the code is Apache-2.0",
            metrics="PoseTrack17 val: mAP 60.6, MOTA 55.2 (with its tracker)",
        ),
        PublishedModel(
            name="detect_and_track_r18",
            about="Detect-and-Track's 3D network: ResNet-18 C4, T = 3, PoseTrack17",
            url=BY_HAND,
            direct=False,
            licence="not stated; the code is Apache-2.0",
            metrics="PoseTrack17 val: mAP 22.6, MOTA 15.4 (with its tracker)",
        ),
    )
}
"""By name."""


def published(name: str) -> PublishedModel:
    """The published model of this name.

    Raises:
        WeightsError: If there is none; the message lists all of them.
    """
    if name not in PUBLISHED:
        raise WeightsError(
            f"no published model is called {name!r}; there are {', '.join(PUBLISHED)}"
        )
    return PUBLISHED[name]


def cache_folder() -> Path:
    """Folder of fetched models: ``$POSETUBE_MODELS``, or a folder of the user's cache."""
    if chosen := os.environ.get("POSETUBE_MODELS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "posetube" / "models"


def fetched_file(name: str) -> Path:
    """The file of a published model after it was fetched, in our format."""
    return cache_folder() / f"{name}.safetensors"
