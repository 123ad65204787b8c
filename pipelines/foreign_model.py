"""Other people's networks as a model: a pose network and a detector, each an ONNX file.

Not here: what their outputs mean (:mod:`posetube.models3d.runtimes.top_down` and what it uses).
"""

from pathlib import Path
from typing import NamedTuple

from posetube.file_names import readable
from posetube.file_reading import sha256_of
from posetube.network import DetectorFamily
from posetube.skeletons import (
    COCO17,
    CROWDPOSE14,
    HALPE26,
    MPII16,
    WHOLE_BODY133,
    skeleton,
)

from ..models3d.runtimes.foreign_detector import open_detector
from ..models3d.runtimes.foreign_pose import open_pose
from ..models3d.runtimes.top_down import TopDownNetwork
from .storage.manifest import ModelRecord

BY_COUNT = {len(known): known for known in (COCO17, HALPE26, WHOLE_BODY133, CROWDPOSE14, MPII16)}
"""What so many joints are, unless somebody says otherwise: the joint sets of mmpose's networks."""

NOT_STATED = "not stated"
"""The licence: an ONNX file names none."""


class ForeignModel(NamedTuple):
    """Two files, opened."""

    network: TopDownNetwork
    pose: ModelRecord
    detector: ModelRecord | None


def open_foreign_model(
    pose: str | Path,
    *,
    detector: str | Path | None = None,
    joints: str | None = None,
    family: DetectorFamily | None = None,
) -> ForeignModel:
    """Open the files.

    Args:
        pose: The pose network.
        detector: The detector; None: boxes will be given.
        joints: Name of the joint set; None: told by the number of joints.
        family: Whose conventions the detector follows; None: told by the file.

    Raises:
        WeightsError: If a file is missing, damaged, or of a kind that is not understood.
        InputError: If no joint set has the name, or nothing tells the detector's family.
    """
    named = None if joints is None else skeleton(joints)
    sets = BY_COUNT if named is None else {len(named): named}
    network = TopDownNetwork(
        pose=open_pose(Path(pose), skeletons=sets),
        detector=None if detector is None else open_detector(Path(detector), family=family),
    )
    layout = f"{network.pose.layout}, {network.skeleton.name}"
    found = None
    if network.detector is not None:
        found = _record(network.detector.graph.path, network.detector.layout)
    return ForeignModel(network, _record(network.pose.graph.path, layout), found)


def _record(file: Path, layout: str) -> ModelRecord:
    name = readable(file.name)
    return ModelRecord(name=name, sha256=sha256_of(file), licence=NOT_STATED, layout=layout)
