"""Lists every data set, opens it by its name, and tells which of them a folder is.

A new data set is one file beside this one and one row of :data:`DATASETS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..annotated_video import Dataset, Split
from . import posetrack
from .bbc_pose import BbcPose
from .bonn import Bonn
from .chalearn import ChaLearn
from .coco import CocoPeople
from .coco import recognise as is_coco
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
from .release_files import holds
from .three_dpw import ThreeDpw


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """One data set, as the command line, the documentation and an evaluation know it."""

    name: str
    """As on the command line."""

    open: Callable[[Path], Dataset]
    """Opens it in a folder; nothing is read yet."""

    recognise: Callable[[Path], bool] | None = None
    """Whether a folder holds it, by files that no other data set has. None: its folder looks like
    that of another one, so it is opened by its name only."""

    evaluated: tuple[Split, ...] = ("test",)
    """Part that is evaluated; where it is not there the next, and all where none is."""

    sequences: bool = False
    """Whether sequences have names of their own, such as ``000342_mpii_test``, by which results
    call them too; the folder of a part before it is only where the file lies."""

    files: str
    """Files that are read, for the user."""

    positions: str = "as they are"
    """What is done to positions, for the user."""

    unlabelled: str
    """How the files say that a joint is not labelled, for the user."""

    score: str
    """The official score, for the user."""


OTHER_DIVISIONS: tuple[tuple[Literal[2, 3], str], ...] = ((2, "second"), (3, "third"))
"""Of JHMDB's three, those that a data set of their own stands for, and how they are called."""


def _division(number: Literal[2, 3], *, sub: bool) -> Callable[[Path], Dataset]:
    return lambda root: Jhmdb(root=root, division=number, sub=sub)


POSETRACK_SCORE = "PCKh 0.5: AP, MOTA, HOTA"

DATASETS: tuple[DatasetEntry, ...] = (
    DatasetEntry(
        name="posetrack17",
        open=posetrack.open_posetrack17,
        recognise=posetrack.is_posetrack17,
        sequences=True,
        evaluated=("val", "test"),
        files="`annotations/*/*.json` or `.mat`",
        unlabelled="no point with that id",
        score="PCKh 0.5: AP, MOTA",
    ),
    DatasetEntry(
        name="posetrack21",
        open=posetrack.open_posetrack21,
        recognise=posetrack.is_posetrack21,
        sequences=True,
        evaluated=("val", "test"),
        files="`posetrack_data/annotations/*/*.json`, `posetrack_data/*/*.json`",
        unlabelled="0, 0, 0",
        score=POSETRACK_SCORE,
    ),
    DatasetEntry(
        name="posetrack18",
        open=posetrack.open_posetrack18,
        recognise=posetrack.is_posetrack18,
        sequences=True,
        evaluated=("val", "test"),
        files="`annotations/*/*.json`, `posetrack_data/*/*.json`; also a file of several sequences "
        "(mmpose's `posetrack18_val.json`)",
        unlabelled="0, 0, 0",
        score=POSETRACK_SCORE,
    ),
    DatasetEntry(
        name="coco",
        open=lambda root: CocoPeople(root=root),
        recognise=is_coco,
        files="`annotations/person_keypoints_*.json`, else any JSON of its form: boxes and masks "
        "alone, other joints, the 133 of COCO-WholeBody; images of one `video_id` are a video, "
        "with identities",
        unlabelled="v = 0; crowds are ignore regions",
        score="OKS",
    ),
    DatasetEntry(
        name="mot",
        open=lambda root: MotSequences(root=root),
        recognise=holds("*/gt/gt.txt", "*/*/gt/gt.txt"),
        files="`*/gt/gt.txt`",
        positions="less 1",
        unlabelled="confidence 0",
        score="MOTA of boxes",
    ),
    DatasetEntry(
        name="bonn",
        open=lambda root: Bonn(root=root),
        recognise=holds("annolist/*annolist.mat", "annolist/*/*annolist.mat"),
        files="`annolist/*annolist.mat`",
        positions="less 1",
        unlabelled="no point; nose never",
        score="PCKh 0.5",
    ),
    DatasetEntry(
        name="penn-action",
        open=lambda root: PennAction(root=root),
        recognise=holds("labels"),
        files="`labels/*.mat`",
        unlabelled="visibility 0 (its place is a guess)",
        score="PCK 0.2 of the box",
    ),
    DatasetEntry(
        name="jhmdb",
        open=lambda root: Jhmdb(root=root),
        recognise=holds("joint_positions", "*jhmdb_annot.mat"),
        files="`joint_positions/*/*/joint_positions.mat`, else Action Tubes' boxes "
        "`*jhmdb_annot.mat`; `splits`, `splits.zip`",
        positions="less 1",
        unlabelled="never; joints outside the picture too",
        score="PCK 0.2 of the box",
    ),
    DatasetEntry(
        name="sub-jhmdb",
        open=lambda root: Jhmdb(root=root, sub=True),
        files="as `jhmdb`; the clips of `sub_splits`",
        positions="less 1",
        unlabelled="never; joints outside the picture too",
        score="PCK 0.2 of the box",
    ),
    *(
        DatasetEntry(
            name=f"{name}-split{number}",
            open=_division(number, sub=name != "jhmdb"),
            files=f"as `{name}`, divided in the {nth} of the three ways",
            positions="less 1",
            unlabelled="never; joints outside the picture too",
            score="PCK 0.2 of the box",
        )
        for name in ("jhmdb", "sub-jhmdb")
        for number, nth in OTHER_DIVISIONS
    ),
    DatasetEntry(
        name="sub-jhmdb-json",
        open=lambda root: JhmdbJson(root=root),
        recognise=holds("Sub[123]_*.json", "annotations/Sub[123]_*.json"),
        files="`Sub1_test.json` ...",
        positions="less 1",
        unlabelled="v = 0",
        score="PCK 0.2 of the box",
    ),
    DatasetEntry(
        name="jhmdb-ddnet",
        open=lambda root: JhmdbDdnet(root=root),
        recognise=holds("GT_train_*.pkl", "GT_test_*.pkl"),
        files="DD-Net's `GT_test_1.pkl` ...",
        positions="at scale 1",
        unlabelled="never",
        score="PCK of the torso",
    ),
    DatasetEntry(
        name="bbc-pose",
        open=lambda root: BbcPose(root=root),
        recognise=holds("bbcpose.mat", "*/bbcpose.mat"),
        files="`bbcpose.mat`",
        positions="less 1",
        unlabelled="negative",
        score="pixels",
    ),
    DatasetEntry(
        name="chalearn",
        open=lambda root: ChaLearn(root=root),
        recognise=holds("*/Sample*/Sample*_data.mat"),
        files="`trainingdata/Sample*/Sample*_data.mat` ...",
        unlabelled="all zero",
        score="pixels",
    ),
    DatasetEntry(
        name="poses-in-the-wild",
        open=lambda root: PosesInTheWild(root=root),
        recognise=holds(
            "poses_in_the_wild_data.mat", "*/poses_in_the_wild_data.mat",
            "piw_dataset.mat", "*/piw_dataset.mat",
        ),
        files="`poses_in_the_wild_data.mat`, else `piw_dataset.mat` (limbs)",
        positions="less 1",
        unlabelled="-1, -1; hidden joints may hold a place",
        score="pixels",
    ),
    DatasetEntry(
        name="flic",
        open=lambda root: Flic(root=root),
        recognise=holds("examples.mat", "*/examples.mat"),
        files="`examples.mat` or `*.h5`",
        unlabelled="NaN",
        score="PCK of the torso",
    ),
    DatasetEntry(
        name="mpii",
        open=lambda root: Mpii(root=root),
        recognise=holds("*mpii*.mat", "*/mpii_human_pose_v1_u12_1.mat"),
        files="`mpii_human_pose_v1_u12_1.mat`, `*.json` or `*.h5`",
        positions="less 1",
        unlabelled="no point; -1, -1; 0, 0",
        score="PCKh",
    ),
    DatasetEntry(
        name="lsp",
        open=lambda root: Lsp(root=root),
        recognise=holds("joints.mat", "*/joints.mat"),
        files="`joints.mat`",
        unlabelled="never",
        score="PCK of the torso",
    ),
    DatasetEntry(
        name="lspet",
        open=lambda root: Lsp(root=root, name="lspet"),
        files="`joints.mat`",
        unlabelled="third number 0",
        score="PCK of the torso",
    ),
    DatasetEntry(
        name="3dpw",
        open=lambda root: ThreeDpw(root=root),
        recognise=holds("sequenceFiles/*/*.pkl"),
        files="`sequenceFiles/*/*.pkl`",
        positions="projected",
        unlabelled="behind the camera, or the camera lost",
        score="mm",
    ),
    DatasetEntry(
        name="human36m",
        open=lambda root: Human36m(root=root),
        recognise=holds("S*/MyPoseFeatures/D2_Positions/*.cdf", "*body3d*.npz", "*h36m*.npz"),
        files="`S*/MyPoseFeatures/D2_Positions/*.cdf`, `*.npz`, `*h36m*.json`",
        unlabelled="never",
        score="mm",
    ),
)  # fmt: skip
"""Every data set. Those whose files have names of their own are recognised; others are named."""


def dataset_names() -> str:
    """Names of the data sets, for the user."""
    return ", ".join(entry.name for entry in DATASETS)


def find_dataset(name: str) -> DatasetEntry | None:
    """The data set of this name, in any case, with ``_`` or ``-``; None if there is none."""
    known = name.lower().replace("_", "-")
    return next((entry for entry in DATASETS if entry.name == known), None)


def recognise_dataset(root: Path) -> DatasetEntry | None:
    """The data set that a folder holds, by the names of its files; None if none is recognised."""
    return next((e for e in DATASETS if e.recognise is not None and e.recognise(root)), None)
