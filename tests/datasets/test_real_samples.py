"""Every real file is read, and holds what its authors, or its own program, say it holds.

A row of :data:`CLAIMS` says which files it speaks of, how they are read and what numbers must come
out: those that the files' authors publish, or that scipy, h5py, csv and json count. A file that no
row speaks of fails, and so does one that two speak of. The odd files of ``robustness`` have their
outcomes in ``video/test_video_samples.py``.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.formats.format_table import recognise
from posetube.datasets.people import open_people
from posetube.datasets.published.dataset_check import check_dataset
from posetube.datasets.published.jhmdb import Jhmdb
from posetube.datasets.synthetic.mocap import read_capture
from posetube.datasets.video import open_video
from posetube.datasets.video.picture import read_picture
from posetube.errors import FormatError

Numbers = tuple[int, ...]
How = Callable[[list[Path], Path], Numbers]
"""Reads files; may write to a folder of its own."""


def video(files: list[Path], own: Path) -> Numbers:
    """Frames, people in them, joints that are labelled, as ``data convert`` reads each file."""
    numbers: list[int] = []
    for path in files:
        tracks = recognise(path).read(path)
        known = ~np.isnan(tracks.keypoints).any(axis=-1)
        numbers += [len(tracks.frames), len(tracks.frame), int(known.sum())]
    return tuple(numbers)


def sleap(joints: tuple[str, ...], place: tuple[float, float]) -> How:
    """The same of SLEAP's files, whose joints and the first one's place are known too."""

    def numbers(files: list[Path], own: Path) -> Numbers:
        (path,) = files
        tracks = recognise(path).read(path)
        assert tracks.skeleton.joints == joints
        np.testing.assert_allclose(tracks.keypoints[0, 0], place)
        known = ~np.isnan(tracks.keypoints).any(axis=-1)
        return len(tracks.frames), len(tracks.frame), int(known.sum())

    return numbers


def dataset(name: str, *, up: int = 0) -> How:
    """Videos, frames, people in them, as ``data check`` counts them in the files' folder."""

    def numbers(files: list[Path], own: Path) -> Numbers:
        return counts(name, files[0].parents[up])

    return numbers


def alone(name: str) -> How:
    """The same where nothing else is in the folder."""

    def numbers(files: list[Path], own: Path) -> Numbers:
        for path in files:
            shutil.copy(path, own)
        return counts(name, own)

    return numbers


def counts(name: str, root: Path) -> Numbers:
    found = check_dataset(open_people(root, form=name), root=root)
    return found.videos, found.frames, found.poses


def divisions(files: list[Path], own: Path) -> Numbers:
    """Clips for training and for test, division by division."""
    parts = [Jhmdb(root=files[0].parent, division=d).division_of for d in (1, 2, 3)]
    return tuple(list(p.values()).count(part) for p in parts for part in ("train", "test"))


def motions(files: list[Path], own: Path) -> Numbers:
    """Frames of every motion."""
    recordings = [path for path in files if path.suffix != ".asf"]
    return tuple(len(read_capture(path).positions) for path in recordings)


def hourglass(name: str) -> How:
    """Pictures, frames and people of a data set's HDF5, and lines of the list of its pictures."""

    def numbers(files: list[Path], own: Path) -> Numbers:
        labels, names = files
        dataset = open_people(labels.parent, form=name)
        lines = names.read_text("utf-8").split()
        assert set(lines) == set(dataset.videos())
        found = check_dataset(dataset, root=labels.parent)
        return found.videos, found.frames, found.poses, len(lines)

    return numbers


def refused(files: list[Path], own: Path) -> Numbers:
    """An excerpt with dots in the place of numbers is not JSON."""
    with pytest.raises(FormatError, match="not valid JSON"):
        video(files, own)
    return ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What must come out of some files."""

    how: How
    numbers: Numbers
    needs: str = ""
    """A library that may not be installed."""

    slow: bool = False


BONN = "bonn_multiperson_posetrack"
MMPOSE = "mmpose_tests_data"
COCO, H36M, POSETRACK = f"{MMPOSE}/coco", f"{MMPOSE}/h36m", f"{MMPOSE}/posetrack18/annotations"
OTHERS = "output_formats"

TRACKS: dict[str, Numbers] = {
    # frames, people in them, labelled joints of each file
    f"{BONN}/posetrack18_json/*.json": (
        76, 152, 1796, 53, 159, 2226, 111, 1173, 16_104, 85, 170, 1771, 111, 646, 8579,
        106, 318, 2705, 41, 164, 2296,
    ),
    "synthetic/*.json": (
        50, 100, 1500, 60, 232, 3421, 60, 352, 5201, 60, 180, 2655,
    ),
    "videos/tfjs_pose_1.keypoints.json": (120, 120, 120 * 17),
    f"{OTHERS}/motchallenge/*/gt.txt": (71, 359, 0, 179, 1156, 0),
    f"{OTHERS}/motchallenge/*/test.txt": (71, 222, 0, 179, 749, 0),
    f"{OTHERS}/motchallenge/iotest/motchallenge.txt": (2, 5, 0),
    f"{OTHERS}/motchallenge/iotest/vatic.txt": (3, 4, 0),
    f"{OTHERS}/deeplabcut/CollectedData_LM.csv": (4, 7, 17),
    f"{OTHERS}/deeplabcut/CollectedData_Pranav.csv": (116, 116, 464),
    f"{OTHERS}/deeplabcut/dlc_testdata*.csv": (4, 3, 8, 4, 3, 8),
    f"{OTHERS}/deeplabcut/madlc_testdata*.csv": (4, 5, 13, 4, 5, 13),
    f"{OTHERS}/deeplabcut/maudlc_testdata*.csv": (4, 7, 17, 4, 7, 17),
    # pictures, people, labelled joints; crowds are no people, detections have no joints
    "tiny_coco/annotations/person_keypoints_train2017.json": (50, 99 - 3, 573),
    f"{COCO}/test_coco.json": (4, 14, 181),
    f"{COCO}/test_coco_wholebody.json": (4, 14, 701),
    f"{COCO}/test_keypoint_partition_metric.json": (4, 14, 701),
    f"{COCO}/test_coco_det_AP_H_56.json": (4, 118, 0),
    f"{MMPOSE}/crowdpose/test_crowdpose.json": (2, 5, 47),
    f"{MMPOSE}/crowdpose/test_crowdpose_det_AP_40.json": (2, 6, 0),
    f"{MMPOSE}/mpii/test_mpii.json": (5, 5, 76),
    f"{MMPOSE}/mpii/test_mpii_trb.json": (5, 5, 181),
    f"{POSETRACK}/test_posetrack18_val.json": (3, 14, 182),
    f"{POSETRACK}/test_posetrack18_human_detections.json": (3, 278, 0),
    f"{POSETRACK}/val/*.json": (1, 1, 11, 1, 2, 29, 1, 11, 142),
    f"{H36M}/h36m_coco.json": (4, 4, 4 * 17),
    f"{H36M}/test_h36m*.npz": (4, 4, 4 * 17, 4, 4, 4 * 17),
    f"{H36M}/test_h36m_2d_detection.npy": (4, 4, 4 * 17),
}  # fmt: skip
"""Files that ``data convert`` reads."""

CLAIMS: dict[str, Claim] = {
    **{files: Claim(how=video, numbers=numbers) for files, numbers in TRACKS.items()},
    f"{OTHERS}/deeplabcut/CollectedData_Pranav.h5": Claim(
        how=video, numbers=(116, 116, 464), needs="h5py"
    ),
    f"{OTHERS}/sleap/*.slp": Claim(
        how=sleap(("A", "B"), (92.65220773, 202.72597774)),
        numbers=(2, 2, 4),
        needs="sleap_io",
        slow=True,
    ),
    f"{OTHERS}/sleap/*.h5": Claim(
        how=sleap(("top", "front", "rear"), (322.87600977, 60.30785503)),
        numbers=(3, 3, 9),
        needs="sleap_io",
        slow=True,
    ),
    f"{OTHERS}/sleap/*.csv": Claim(
        how=sleap(("A", "B"), (205.93005390, 187.88964024)),
        numbers=(1, 1, 2),
        needs="sleap_io",
        slow=True,
    ),
    f"{OTHERS}/alphapose/*.json": Claim(how=refused, numbers=()),
    # data sets: videos or pictures, frames, people in them
    "tiny_coco/annotations/instances_train2017.json": Claim(
        how=alone("coco"), numbers=(50, 50, 96)
    ),
    f"{BONN}/annolist/*.mat": Claim(
        how=dataset("bonn", up=1), numbers=(30 + 1, 1526 + 41, 6394 + 164), slow=True
    ),
    "penn_action/labels/*.mat": Claim(
        how=dataset("penn-action", up=1), numbers=(253, 17_998, 17_998), slow=True
    ),
    "lsp_extended/*.mat": Claim(how=dataset("lspet"), numbers=(200, 200, 200)),
    "poses_in_the_wild/*_data.mat": Claim(how=dataset("poses-in-the-wild"), numbers=(30, 830, 830)),
    "poses_in_the_wild/piw_dataset.mat": Claim(
        how=alone("poses-in-the-wild"), numbers=(30, 830, 830)
    ),
    "flic/*": Claim(how=hourglass("flic"), numbers=(926, 926, 1016, 1016), needs="h5py"),
    "mpii/*": Claim(how=hourglass("mpii"), numbers=(2729, 2729, 2958, 2958), needs="h5py"),
    "jhmdb/*_annot.mat": Claim(how=dataset("jhmdb"), numbers=(928, 31_838, 31_838), slow=True),
    "jhmdb/splits.zip": Claim(how=divisions, numbers=(660, 268, 658, 270, 663, 265)),
    "jhmdb/*.pkl": Claim(how=dataset("jhmdb-ddnet"), numbers=(176, 5918, 5918)),
    f"{MMPOSE}/jhmdb/*.json": Claim(how=dataset("sub-jhmdb-json"), numbers=(3, 3, 3)),
    # motion: frames; BVH's first is a rest pose
    "mocap/asfamc/*": Claim(how=motions, numbers=(343, 173, 483, 365, 597), slow=True),
    "mocap/bvh/*": Claim(how=motions, numbers=(86 - 1, 216 - 1, 239 - 1, 157 - 1)),
    "mocap/npz/*": Claim(how=motions, numbers=(86, 44, 121, 92, 108, 96, 119, 78, 66, 150)),
}

VIDEOS: dict[str, tuple[int, int, int]] = {
    # frames, H, W
    "videos/intel_asl_walk.mkv": (89, 480, 640),
    "videos/mmaction2_basketball_gym.mp4": (300, 240, 426),
    "videos/mmpose_demo_street.mp4": (5, 540, 960),
    "videos/mmtracking_demo_crowd.mp4": (8, 1080, 1920),
    "videos/moviepy_chaplin_bw.mp4": (241, 360, 640),
    "videos/openpose_video_really_mp4.avi": (205, 720, 1280),
    "videos/sam2_bedroom_two_children.mp4": (200, 540, 960),
    "videos/tfjs_pose_1.mp4": (120, 576, 576),
    "synthetic/900001_mpii_train.mp4": (50, 360, 640),
    "synthetic/900002_mpii_train.mp4": (60, 360, 640),
    "synthetic/900003_mpii_train.mp4": (60, 360, 640),
    "synthetic/900004_mpii_train.mp4": (60, 272, 480),
    f"{MMPOSE}/posetrack18/videos/*/*.mp4": (5, 720, 1280),
    # folders of frames
    f"{BONN}/videos/060470979": (41, 540, 960),
    "videos/frames_davis_tennis": (20, 480, 854),
    "poses_in_the_wild/frames_seq15_crop256": (29, 256, 256),
}

PICTURES = {
    "lsp_extended/images/*": 200,
    "tiny_coco/train2017/*": 50,
    f"{MMPOSE}/coco/*.jpg": 4,
    f"{MMPOSE}/crowdpose/*.jpg": 2,
    f"{MMPOSE}/mpii/*.jpg": 5,
    f"{MMPOSE}/jhmdb/*/*": 3,
    f"{MMPOSE}/h36m/S?/*/*.jpg": 4,
    f"{MMPOSE}/h36m/BF_IUV_gt/*": 4,
    f"{MMPOSE}/posetrack18/images/val/*/*": 3,
    f"{MMPOSE}/posetrack18/mask/val/*/*": 3,
    f"{MMPOSE}/posetrack18/videos/*/*.jpg": 5,
}

ELSEWHERE = ("*PROVENANCE.md", "*SHA256SUMS", "robustness/*", f"{H36M}/cameras.pkl")
"""About the files, those that have a test of their own, and cameras, which nothing here reads."""


def claims() -> list[object]:
    return [
        pytest.param(files, claim, id=files, marks=[pytest.mark.slow] if claim.slow else [])
        for files, claim in CLAIMS.items()
    ]


@pytest.mark.parametrize(("files", "claim"), claims())
def test_real_files_hold_what_is_known_of_them(
    samples: Path, tmp_path: Path, files: str, claim: Claim
) -> None:
    if claim.needs:
        pytest.importorskip(claim.needs)
    found = sorted(samples.glob(files))

    assert found
    assert claim.how(found, tmp_path) == claim.numbers


@pytest.mark.slow
@pytest.mark.parametrize("name", VIDEOS)
def test_real_videos_have_the_frames_that_are_known(samples: Path, name: str) -> None:
    count, height, width = VIDEOS[name]
    (path,) = samples.glob(name)
    with open_video(path) as frames:
        shapes = [None if f.image is None else f.image.shape for f in frames if f.state == "ok"]

    assert shapes == [(height, width, 3)] * count


@pytest.mark.slow
@pytest.mark.parametrize("files", PICTURES)
def test_real_pictures_are_sound(samples: Path, files: str) -> None:
    found = [read_picture(path, max_pixels=1 << 24) for path in samples.glob(files)]

    assert [state for _, state in found] == ["ok"] * PICTURES[files]


def test_every_real_file_is_spoken_of_once(samples: Path) -> None:
    folders = [f"{name}/*" for name in VIDEOS if "." not in Path(name).name]
    rows = [*CLAIMS, *VIDEOS, *folders, *PICTURES, *ELSEWHERE]
    files = [p.relative_to(samples).as_posix() for p in samples.rglob("*") if p.is_file()]

    strange = {
        file: found
        for file in files
        if len(found := [row for row in rows if fnmatch(file, row)]) != 1
    }
    assert not strange
