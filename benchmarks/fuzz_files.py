"""What is damaged by ``benchmarks/fuzz_readers.py``: folders to write, and who reads them.

Not here: the damage, and what must not come of it.
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import scipy.io

from benchmarks import fuzz_foreign as foreign
from posetube.datasets.files.reader_process import START_SECONDS
from posetube.datasets.formats import coco, deeplabcut, human36m_list, sleap, tfjs, vatic_text
from posetube.datasets.formats import deeplabcut_hdf5 as hdf5_table
from posetube.datasets.formats.format_table import FORMATS, find_written_format
from posetube.datasets.people import open_people
from posetube.datasets.published.human36m import Human36m
from posetube.datasets.synthetic.bvh import read_bvh
from posetube.datasets.video import VideoConfig, open_video
from posetube.restricted_pickle import load_plain
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import FrameTable, VideoTracks
from tests.datasets.published_label_files import WRITERS, write_labels

SECONDS = 20
"""A mutation that takes longer is a hang."""

IN_PROCESS = 10.0
"""What the process that reads SLEAP's and NWB's files is given for one of them."""

SMALL = Skeleton(name="small", joints=("head", "neck", "hand"))
"""NWB files have an object for each joint, and take long."""

MOST = 200
"""Videos of a data set that are read, where single pictures are videos."""

VIDEOS = {
    "mp4": "libx264", "mkv": "libx264", "ts": "libx264", "avi": "mpeg4", "webm": "libvpx-vp9",
    "gif": "gif",
}  # fmt: skip
"""Codec of the clip in each container."""

Reader = Callable[[Path], object]


class Target(NamedTuple):
    """A reader, and what it gets."""

    write: Callable[[Path], None]
    """Writes a sound folder."""

    read: Reader
    """Reads it."""

    close: Callable[[], None] = lambda: None
    """Ends what reads."""

    seconds: int = SECONDS
    """A mutation that takes longer is a hang."""


Targets = dict[str, Target]


def random_tracks(joints: Skeleton, name: str = "seq1", frames: int = 4) -> VideoTracks:
    """Two people in a few frames."""
    rng = np.random.default_rng(0)
    r, k = 2 * frames, len(joints)
    states = rng.choice([0, 1, 2], (r, k)).astype(np.uint8)
    points = np.where(states[..., None] > 0, rng.uniform(0, 300, (r, k, 2)), np.nan)
    low = rng.uniform(0, 100, (r, 2))
    boxes = np.concatenate([low, low + 50], axis=1)
    return VideoTracks(
        source=name,
        size=(360, 640),
        skeleton=joints,
        frames=FrameTable(times=np.arange(frames) / 25),
        frame=np.repeat(np.arange(frames), 2),
        track_ids=np.tile([1, 2], frames),
        boxes=boxes.astype(np.float32),
        scores=rng.uniform(0, 1, r).astype(np.float32),
        keypoints=points,
        keypoint_scores=rng.uniform(0, 1, (r, k)).astype(np.float32),
        joint_states=states,
        head_boxes=boxes,
    )


def penn_action(root: Path) -> None:
    """One clip's labels."""
    (root / "labels").mkdir(parents=True)
    n = 6
    content = {
        "action": "pushup", "pose": "left", "train": 1, "nframes": n, "bbox": np.ones((n - 1, 4)),
        "x": np.ones((n, 13)), "y": np.ones((n, 13)), "visibility": np.ones((n, 13), np.uint8),
        "dimensions": np.array([[360, 480, n]]),
    }  # fmt: skip
    scipy.io.savemat(root / "labels" / "0001.mat", content)


def jhmdb(root: Path) -> None:
    """One clip's joints and masks."""
    for kind, content in (
        ("joint_positions", {"pos_img": np.ones((2, 15, 4)), "viewpoint": "E"}),
        ("puppet_mask", {"part_mask": np.ones((24, 32, 4), np.uint8)}),
    ):
        (root / kind / "catch" / "clip").mkdir(parents=True)
        scipy.io.savemat(root / kind / "catch" / "clip" / f"{kind}.mat", content)


def mpii_json(root: Path) -> None:
    """Labels of two people."""
    person = {"image": "a.jpg", "joints": [[5.0, 6.0]] * 16, "joints_vis": [1] * 16,
              "center": [1, 2], "scale": 1.0}  # fmt: skip
    (root / "train.json").write_text(json.dumps([person, person]))


def hourglass(root: Path) -> None:
    """The hourglass program's HDF5."""
    h5py = import_module("h5py")
    with h5py.File(root / "valid.h5", "w") as file:
        file["imgname"] = np.array([b"a.jpg", b"b.jpg"])
        file["part"] = np.ones((2, 16, 2))
        file["visible"] = np.ones((2, 16))
        file["normalize"] = np.ones(2)


def jhmdb_json(root: Path) -> None:
    """Mmpose's form of sub-JHMDB."""
    content = {
        "images": [{"id": 1, "file_name": "a/1.png", "vid_id": "1", "frame_id": 1}],
        "annotations": [{"image_id": 1, "keypoints": [3.0] * 45, "bbox": [1, 2, 3, 4]}],
    }
    (root / "Sub1_test.json").write_text(json.dumps(content))


def coco_videos(root: Path) -> None:
    """Two videos in one file."""
    videos = [random_tracks(COCO17, name) for name in ("seq1", "seq2")]
    coco.write_videos(root / "all.json", videos)


def human36m_cdf(root: Path) -> None:
    """Projected joints of four frames, as the release has them."""
    cdfwrite = import_module("cdflib.cdfwrite")
    path = root / "S9" / "MyPoseFeatures" / "D2_Positions" / "Walking 1.54138969.cdf"
    path.parent.mkdir(parents=True)
    pose = np.ones((1, 4, 64))
    spec = {"Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True,
            "Dim_Sizes": [4, 64]}  # fmt: skip
    file = cdfwrite.CDF(str(path), cdf_spec={"Encoding": 6})
    file.write_var(spec, var_data=pose)
    file.close()


class Features:
    """Reads what :func:`human36m_cdf` wrote, by the same process again and again."""

    def __init__(self) -> None:
        self._datasets: dict[Path, Human36m] = {}

    def read(self, root: Path) -> None:
        """Reads the only video."""
        found = self._datasets.setdefault(root, Human36m(root=root))
        found.read("S9/Walking 1.54138969")


REAL = {
    "penn-action": ("penn_action/labels/1154.mat", "labels/1154.mat", "penn-action"),
    "lspet": ("lsp_extended/joints_im00001-00200.mat", "joints.mat", "lspet"),
    "mpii json": ("mmpose_tests_data/mpii/test_mpii.json", "test.json", "mpii"),
    "mpii hdf5": ("mpii/valid.h5", "valid.h5", "mpii"),
    "flic hdf5": ("flic/valid.h5", "valid.h5", "flic"),
    "human36m": ("mmpose_tests_data/h36m/test_h36m_body3d.npz", "body3d.npz", "human36m"),
    "sub-jhmdb json": ("mmpose_tests_data/jhmdb/test_jhmdb_sub1.json", "Sub1_test.json",
                       "sub-jhmdb-json"),
    "posetrack18": ("mmpose_tests_data/posetrack18/annotations/val/003418_mpii_test.json",
                    "003418_mpii_test.json", "posetrack18"),
    "posetrack18 merged": ("mmpose_tests_data/posetrack18/annotations/test_posetrack18_val.json",
                           "annotations/posetrack18_val.json", "posetrack18"),
    "coco": ("tiny_coco/annotations/person_keypoints_train2017.json", "person_keypoints_train.json",
             "coco"),
    "bonn": ("bonn_multiperson_posetrack/annolist/test_060470979_annolist.mat",
             "annolist/annolist.mat", "bonn"),
    "poses-in-the-wild": ("poses_in_the_wild/poses_in_the_wild_data.mat",
                          "poses_in_the_wild_data.mat", "poses-in-the-wild"),
    "limbs": ("poses_in_the_wild/piw_dataset.mat", "piw_dataset.mat", "poses-in-the-wild"),
    "coco boxes": ("tiny_coco/annotations/instances_train2017.json", "instances_train.json",
                   "coco"),
    "jhmdb-ddnet": ("jhmdb/DDNet_GT_test_1.pkl", "GT_test_1.pkl", "jhmdb-ddnet"),
}  # fmt: skip
"""Published files: where they lie among the samples, what they are called, whose they are."""

REAL_RESULTS = {
    "vatic": "output_formats/motchallenge/iotest/vatic.txt",
    "tfjs": "videos/tfjs_pose_1.keypoints.json",
    "whole body": "mmpose_tests_data/coco/test_coco_wholebody.json",
    "human36m fitted": "mmpose_tests_data/h36m/test_h36m.npz",
    "human36m found": "mmpose_tests_data/h36m/test_h36m_2d_detection.npy",
    "bvh": "mocap/bvh/002_03.bvh",
}
"""Published files that :data:`FOREIGN`'s readers read."""


def real(source: Path, name: str) -> Callable[[Path], None]:
    """Copies a published file."""

    def write(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(source.read_bytes())

    return write


def pickled(root: Path) -> None:
    """Reads every pickle of a folder."""
    for path in root.glob("*.pkl"):
        load_plain(path)


def every(function: Callable[[Path], object], suffix: str) -> Reader:
    """Reads every file of a folder that ends so."""

    def read(root: Path) -> None:
        for path in root.glob(f"*{suffix}"):
            function(path)

    return read


def deeplabcut_hdf5() -> Target:
    """DeepLabCut's tables, read by the same process again and again."""
    process = hdf5_table.reader()
    read = every(lambda path: deeplabcut.read(path, process=process), ".h5")
    return Target(foreign.deeplabcut_hdf5, read, process.close, round(START_SECONDS) + SECONDS)


def dataset(name: str) -> Reader:
    """Reads every video of a data set, or of very many :data:`MOST` that are spread over it."""

    def read(root: Path) -> None:
        found = open_people(root, form=name)
        videos = found.videos()
        for video in videos[:: max(1, len(videos) // MOST)]:
            found.read(video)

    return read


def clip(name: str) -> Callable[[Path], None]:
    """A short video."""

    def write(root: Path) -> None:
        codec = VIDEOS[name.partition(".")[2]]
        moving = np.random.default_rng(0).integers(0, 255, (96, 160, 3), np.uint8)
        with av.open(str(root / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.width, stream.height = 128, 96
            stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
            for i in range(12):
                picture = np.ascontiguousarray(moving[:, i : i + 128])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode())

    return write


def decoded(name: str) -> Reader:
    """Decodes every frame."""

    def read(root: Path) -> None:
        with open_video(root / name, config=VideoConfig(ahead=4)) as source:
            for _ in source:
                pass

    return read


FOREIGN = {
    "vatic": Target(foreign.vatic, every(vatic_text.read, ".txt")),
    "tfjs": Target(foreign.tfjs, every(tfjs.read, ".json")),
    "whole body": Target(foreign.whole_body, every(coco.read, ".json")),
    "human36m fitted": Target(foreign.pictures_npz, every(human36m_list.read, ".npz")),
    "human36m found": Target(foreign.found_npy, every(human36m_list.read, ".npy")),
    "bvh": Target(foreign.bvh, every(read_bvh, ".bvh")),
    "jhmdb boxes": Target(foreign.jhmdb_boxes, dataset("jhmdb")),
    "jhmdb-ddnet": Target(foreign.jhmdb_ddnet, dataset("jhmdb-ddnet")),
    "poses-in-the-wild limbs": Target(foreign.limbs, dataset("poses-in-the-wild")),
}
"""Files that the project reads but does not write."""


def targets(samples: Path | None = None) -> Targets:
    """What writes a folder, and what reads it, by name; with samples, published files too."""
    found: Targets = {
        "penn-action": Target(penn_action, dataset("penn-action")),
        "jhmdb": Target(jhmdb, dataset("jhmdb")),
        "mpii json": Target(mpii_json, dataset("mpii")),
        "mpii hdf5": Target(hourglass, dataset("mpii")),
        "sub-jhmdb json": Target(jhmdb_json, dataset("sub-jhmdb-json")),
        "coco videos": Target(coco_videos, dataset("coco")),
        "human36m cdf": Target(human36m_cdf, Features().read, seconds=round(START_SECONDS)),
    }
    found |= FOREIGN
    found["deeplabcut hdf5"] = deeplabcut_hdf5()
    for layout, (joints, _) in WRITERS.items():
        name = {"posetrack17-mat": "posetrack17"}.get(layout, layout)
        found[layout] = Target(_labels(layout, joints), dataset(name))
    for name in (form.name for form in FORMATS if form.is_written):
        found[f"format {name}"] = _format(name)
    for ending in VIDEOS:
        found[f"video {ending}"] = Target(clip(f"seq1.{ending}"), decoded(f"seq1.{ending}"))
    if samples is not None:
        for name, (source, copy, whose) in REAL.items():
            found[f"real {name}"] = Target(real(samples / source, copy), dataset(whose))
        for name, source in REAL_RESULTS.items():
            copy = f"seq1{Path(source).suffix}"
            found[f"real {name}"] = Target(real(samples / source, copy), FOREIGN[name].read)
        source = "output_formats/deeplabcut/CollectedData_Pranav.h5"
        table = deeplabcut_hdf5()
        found["real deeplabcut hdf5"] = table._replace(write=real(samples / source, "seq1.h5"))
        source = "jhmdb/DDNet_GT_test_1.pkl"
        found["real pickle"] = Target(real(samples / source, "poses.pkl"), pickled)
    return found


def _labels(layout: Any, joints: Skeleton) -> Callable[[Path], None]:
    return lambda root: write_labels(root, [random_tracks(joints)], dataset=layout)


def _format(name: str) -> Target:
    form = find_written_format(name)
    joints = form.joints[0] if form.joints else SMALL if name == "nwb" else COCO17
    file = f"seq1{form.suffix}"

    def write(root: Path) -> None:
        tracks = random_tracks(joints)
        if form.write_clips is not None:  # whose folder is read if it holds one person
            tracks = tracks.select(tracks.track_ids == tracks.ids[0])
        form.write(root / file, tracks)

    if form.suffix not in sleap.SUFFIXES:
        return Target(write, lambda root: form.read(root / file))
    process = sleap.reader(form.suffix)

    def read(root: Path) -> None:
        sleap.read(root / file, process=process, seconds=IN_PROCESS)

    return Target(write, read, process.close, seconds=round(START_SECONDS) + SECONDS)
