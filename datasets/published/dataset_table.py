"""Every data set by the name that the command line gives it.

Not here: how each is read.
"""

from collections.abc import Callable
from pathlib import Path

from posetube.errors import InputError

from ..annotated_video import Dataset
from .bbc_pose import BbcPose
from .bonn import Bonn
from .chalearn import ChaLearn
from .coco import CocoPeople
from .flic import Flic
from .human36m import Human36m
from .jhmdb import Jhmdb
from .jhmdb_ddnet import JhmdbDdnet
from .jhmdb_json import JhmdbJson
from .lsp import Lsp
from .mot import MotSequences
from .mpii import Mpii
from .penn_action import PennAction
from .poses_in_the_wild import PosesInTheWild
from .posetrack17 import open_posetrack17
from .posetrack18 import open_posetrack18
from .posetrack21 import open_posetrack21
from .three_dpw import ThreeDpw

DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "posetrack17": open_posetrack17,
    "posetrack18": open_posetrack18,
    "posetrack21": open_posetrack21,
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
