"""Every data set by the name that the command line gives it.

Not here: how each is read.
"""

from collections.abc import Callable
from pathlib import Path

from posetube.errors import InputError
from posetube.structures import IntArray, VideoTracks

from . import posetrack17, posetrack17_mat, posetrack18, sequence_files
from .annotated_video import Dataset
from .bbc_pose import BbcPose
from .bonn import Bonn
from .chalearn import ChaLearn
from .coco_people import CocoPeople
from .flic import Flic
from .human36m import Human36m
from .jhmdb import Jhmdb
from .jhmdb_ddnet import JhmdbDdnet
from .jhmdb_json import JhmdbJson
from .lsp import Lsp
from .mot_sequences import MotSequences
from .mpii import Mpii
from .penn_action import PennAction
from .poses_in_the_wild import PosesInTheWild
from .sequence_files import SequenceFiles
from .three_dpw import ThreeDpw


def _read_posetrack17(path: Path) -> VideoTracks:
    return posetrack17_mat.read(path) if path.suffix == ".mat" else posetrack17.read(path)


def _posetrack17(root: Path) -> Dataset:
    return SequenceFiles(
        root=root,
        name="posetrack17",
        patterns=sequence_files.POSETRACK17,
        reader=_read_posetrack17,
    )


def _posetrack18(root: Path) -> Dataset:
    return SequenceFiles(
        root=root,
        name="posetrack18",
        patterns=sequence_files.POSETRACK18,
        reader=posetrack18.read,
        merged=True,
    )


def _posetrack21(root: Path) -> Dataset:
    return SequenceFiles(
        root=root,
        name="posetrack21",
        patterns=sequence_files.POSETRACK21,
        reader=posetrack18.read,
        people=_person_ids,
    )


def _person_ids(path: Path) -> IntArray:
    return posetrack18.read(path, identity="person_id").track_ids


DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "posetrack17": _posetrack17,
    "posetrack18": _posetrack18,
    "posetrack21": _posetrack21,
    "coco": lambda root: CocoPeople(root=root),
    "mot": lambda root: MotSequences(root=root),
    "bonn": lambda root: Bonn(root=root),
    "penn-action": lambda root: PennAction(root=root),
    "jhmdb": lambda root: Jhmdb(root=root),
    "sub-jhmdb": lambda root: Jhmdb(root=root, sub=True),
    "sub-jhmdb-json": lambda root: JhmdbJson(root=root),
    "jhmdb-ddnet": lambda root: JhmdbDdnet(root=root),
    "bbc-pose": lambda root: BbcPose(root=root),
    "chalearn": lambda root: ChaLearn(root=root),
    "poses-in-the-wild": lambda root: PosesInTheWild(root=root),
    "flic": lambda root: Flic(root=root),
    "mpii": lambda root: Mpii(root=root),
    "lsp": lambda root: Lsp(root=root),
    "lspet": lambda root: Lsp(root=root, name="lspet"),
    "3dpw": lambda root: ThreeDpw(root=root),
    "human36m": lambda root: Human36m(root=root),
}
"""What opens each data set."""


def open_dataset(name: str, root: Path | str) -> Dataset:
    """A data set in a folder; nothing is read yet.

    Args:
        name: One of :data:`DATASETS`, in any case, with ``_`` or ``-``.
        root: The folder.

    Raises:
        InputError: If there is no such data set or folder.
    """
    root, known = Path(root), name.lower().replace("_", "-")
    if known not in DATASETS:
        raise InputError(f"no data set is called {name!r}; there are {', '.join(DATASETS)}")
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    return DATASETS[known](root)
