"""What is odd about one data set or another, settled in its reader."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from posetube.datasets.files import hdf5_files
from posetube.datasets.files.mat_files import read_mat
from posetube.datasets.files.npz_files import read_npz
from posetube.datasets.formats import posetrack18
from posetube.datasets.formats.posetrack17_mat import read as read_posetrack17
from posetube.datasets.published import flic
from posetube.datasets.published.bbc_pose import BbcPose
from posetube.datasets.published.bonn import Bonn
from posetube.datasets.published.chalearn import ChaLearn
from posetube.datasets.published.coco import CocoPeople
from posetube.datasets.published.flic import Flic
from posetube.datasets.published.human36m import Human36m
from posetube.datasets.published.lsp import Lsp
from posetube.datasets.published.mot import MotSequences
from posetube.datasets.published.mpii import Mpii
from posetube.datasets.published.three_dpw import ThreeDpw
from posetube.errors import FormatError, InputError, MissingExtraError
from posetube.optional_library import optional_library
from posetube.skeletons import FLIC11, KINECT20
from posetube.structures import JointState
from tests.datasets.published_label_files import struct_array

EMPTY = np.zeros((0, 0))


def point(number: float, *, visible: Any) -> dict[str, Any]:
    return {"id": float(number), "x": 11.0, "y": 21.0, "is_visible": visible}


def mpii(root: Path, people: Any, *, training: float = 1.0) -> Mpii:
    image = struct_array([{"name": "a.jpg"}])
    images = struct_array([{"image": image, "annorect": people}])
    release = struct_array([{"annolist": images, "img_train": np.array([[training]])}])
    scipy.io.savemat(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    return Mpii(root=root)


def test_mpiis_flag_of_a_joint_is_a_number_a_text_or_nothing(tmp_path: Path) -> None:
    points = struct_array([
        point(0, visible=1.0), point(1, visible="0"), point(2, visible=EMPTY),
        point(3, visible=0.0), point(4, visible="1"),
    ])  # fmt: skip
    people = struct_array([{"annopoints": struct_array([{"point": points}]), "x1": 5.0}])

    video = mpii(tmp_path, people).read("a.jpg")

    seen, hidden = JointState.VISIBLE, JointState.OCCLUDED
    assert video.tracks.joint_states is not None
    assert video.tracks.joint_states[0, :6].tolist() == [seen, hidden, seen, hidden, seen, 0]
    np.testing.assert_array_equal(video.tracks.keypoints[0, 0], [10, 20])
    assert video.tracks.head_boxes is not None
    assert np.isnan(video.tracks.head_boxes).all()  # of which one side of four is given


def test_a_test_picture_of_mpii_is_not_labelled(tmp_path: Path) -> None:
    rough = struct_array([{"objpos": struct_array([{"x": 1.0, "y": 2.0}]), "scale": 2.0}])

    video = mpii(tmp_path, rough, training=0.0).read("a.jpg")

    assert video.split == "test"
    assert len(video.tracks.frame) == 0
    assert len(video.labeled_frames) == 0


def test_a_joint_that_mpii_does_not_have_is_refused(tmp_path: Path) -> None:
    points = struct_array([point(16, visible=1.0)])
    people = struct_array([{"annopoints": struct_array([{"point": points}])}])

    with pytest.raises(FormatError, match=r"picture 1: id: expected a number in \[0, 15\], got 16"):
        mpii(tmp_path, people).videos()


def test_mpiis_json_marks_missing_joints_by_minus_one(tmp_path: Path) -> None:
    joints = "[-1, -1], " + ", ".join("[11, 21]" for _ in range(15))
    shown = ", ".join(["0", "0", *["1"] * 14])
    text = f'[{{"image": "a.jpg", "joints": [{joints}], "joints_vis": [{shown}]}}]'
    (tmp_path / "valid.json").write_text(text)

    video = Mpii(root=tmp_path).read("a.jpg")

    assert video.split == "val"
    assert video.tracks.joint_states is not None
    assert video.tracks.joint_states[0, :3].tolist() == [0, 1, 2]


def test_a_picture_outside_the_folder_is_refused(tmp_path: Path) -> None:
    joints = ", ".join("[1, 2]" for _ in range(16))
    text = f'[{{"image": "../a.jpg", "joints": [{joints}], "joints_vis": [{"1," * 15}1]}}]'
    (tmp_path / "train.json").write_text(text)

    with pytest.raises(FormatError, match=r"person 0: not a file under the data set's folder"):
        Mpii(root=tmp_path).videos()


def test_two_people_of_one_flic_picture_are_one_video(tmp_path: Path) -> None:
    coords = np.full((2, 29), np.nan)
    coords[:, flic.USED[:3]] = 5.0
    entry = {"coords": coords, "filepath": "film-1.jpg", "istrain": 0.0, "istest": 1.0,
             "imgdims": np.array([[480.0, 720, 3]])}  # fmt: skip
    scipy.io.savemat(tmp_path / "examples.mat", {"examples": struct_array([entry, entry])})

    dataset = Flic(root=tmp_path)
    video = dataset.read("film-1.jpg")

    assert dataset.videos() == ("film-1.jpg",)
    assert len(video.tracks.frame) == 2
    assert video.tracks.size == (480, 720)
    assert video.split == "test"
    states = video.tracks.joint_states
    assert states is not None
    assert states[0].tolist() == [2, 2, 2] + [0] * 8


def test_flics_sides_are_the_observers(samples: Path) -> None:
    pytest.importorskip("h5py")
    dataset = Flic(root=samples / "flic")
    left, right = FLIC11.index("left_shoulder"), FLIC11.index("right_shoulder")

    for name in dataset.videos()[:100]:
        x = dataset.read(name).tracks.keypoints[..., 0]
        assert (x[:, left] > x[:, right]).all()


def test_bbc_takes_labels_made_by_hand_where_there_are_some(tmp_path: Path) -> None:
    entry = {
        "videoName": "signer", "type": "val", "source": "buehler11",
        "train_frames": np.array([[5.0, 3.0]]), "train_joints": np.ones((2, 7, 2)),
        "test_frames": np.array([[9.0]]), "test_joints": np.full((2, 7, 1), 4.0),
    }  # fmt: skip
    other = {**entry, "type": "train"}
    scipy.io.savemat(tmp_path / "bbcpose.mat", {"bbcpose": struct_array([entry, other])})
    dataset = BbcPose(root=tmp_path)

    by_hand, tracked = dataset.read("1"), dataset.read("2")

    assert by_hand.split == "val"
    np.testing.assert_array_equal(by_hand.tracks.keypoints, np.full((1, 7, 2), 3.0))
    assert by_hand.tracks.frames.names == ("1/9.jpg",)
    assert tracked.tracks.frames.ids is not None
    assert tracked.tracks.frames.ids.tolist() == [3, 5]  # in order


def test_chalearn_finds_joints_by_their_names(tmp_path: Path) -> None:
    names = np.array([["ShoulderLeft"], *[[n] for n in ["HipCenter", "Spine", "ShoulderCenter",
        "Head", "ElbowLeft", "WristLeft", "HandLeft", "ShoulderRight", "ElbowRight", "WristRight",
        "HandRight", "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft", "HipRight", "KneeRight",
        "AnkleRight", "FootRight"]]], object)  # fmt: skip
    pixels = np.arange(40.0).reshape(20, 2) + 1
    shown = struct_array([{"JointType": names, "PixelPosition": pixels,
                           "WorldPosition": np.ones((20, 3))}])  # fmt: skip
    nobody = struct_array([{"JointType": EMPTY, "PixelPosition": np.zeros((20, 2)),
                            "WorldPosition": np.zeros((20, 3))}])  # fmt: skip
    video = struct_array(
        [
            {
                "Frames": struct_array([{"Skeleton": nobody}, {"Skeleton": shown}]),
                "Labels": struct_array([{"Name": "vattene"}, {"Name": "ok"}]),
            }
        ]
    )
    folder = tmp_path / "validationdata" / "Sample00629"
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / "Sample00629_data.mat", {"Video": video})

    found = ChaLearn(root=tmp_path).read("validationdata/Sample00629")

    assert found.tracks.frame.tolist() == [1]  # nobody in the first frame
    assert len(found.tracks.frames) == 2
    left = found.tracks.keypoints[0, KINECT20.index("left_shoulder")]
    np.testing.assert_array_equal(left, [1, 2])
    assert (found.split, found.action) == ("val", "vattene, ok")
    assert "advise against" in found.problems[0].what


def three_dpw(root: Path, **changes: Any) -> ThreeDpw:
    content = {
        "jointPositions": [np.ones((3, 72)), np.ones((3, 72))],
        "campose_valid": [np.array([1, 1, 0]), np.array([1, 1, 1])],
        "cam_poses": np.tile(np.eye(4), (3, 1, 1)),
        "cam_intrinsics": np.array([[1000.0, 0, 960], [0, 1000, 540], [0, 0, 1]]),
        **changes,
    }
    path = root / "sequenceFiles" / "validation" / "street_00.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return ThreeDpw(root=root)


def test_3dpw_frames_with_a_lost_camera_are_not_labelled(tmp_path: Path) -> None:
    video = three_dpw(tmp_path).read("street_00")

    assert video.split == "val"
    assert video.labeled_frames.tolist() == [0, 1]
    assert video.tracks.frame.tolist() == [0, 0, 1, 1, 2]
    assert video.tracks.size == (1080, 1920)
    assert video.tracks.frames.names[0] == "imageFiles/street_00/image_00000.jpg"
    np.testing.assert_array_equal(video.tracks.keypoints[0, 0], [1960, 1540])


def test_3dpw_joints_behind_the_camera_are_not_in_the_picture(tmp_path: Path) -> None:
    cameras = np.tile(np.eye(4), (3, 1, 1))
    cameras[:, 2, 3] = -5.0

    video = three_dpw(tmp_path, cam_poses=cameras).read("street_00")

    assert video.tracks.joint_states is not None
    assert not video.tracks.joint_states.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cam_poses": np.eye(4)}, r"cam_poses: expected N x 4 x 4 numbers"),
        ({"jointPositions": 5}, "jointPositions: expected a list with an entry per person"),
        ({"campose_valid": [np.ones(3)]}, "2 people with joints, 1 with cameras"),
        ({"jointPositions": [np.ones((2, 72))] * 2}, "person 0: jointPositions: expected 3 x 72"),
    ],
)
def test_a_damaged_sequence_of_3dpw_says_where(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=message):
        three_dpw(tmp_path, **changes).read("street_00")


def test_a_pickle_of_something_else_is_no_sequence(tmp_path: Path) -> None:
    dataset = three_dpw(tmp_path)
    path = tmp_path / "sequenceFiles" / "validation" / "street_00.pkl"
    path.write_bytes(pickle.dumps([1, 2], protocol=2))

    with pytest.raises(FormatError, match="no jointPositions, cam_poses.*sequence file of 3DPW"):
        dataset.read("street_00")


def test_human36m_keeps_17_of_32_joints(tmp_path: Path) -> None:
    writer = pytest.importorskip("cdflib.cdfwrite")
    for folder, axes in (("D2_Positions", 2), ("D3_Positions_mono", 3)):
        path = tmp_path / "S9" / "MyPoseFeatures" / folder / "Walking 1.54138969.cdf"
        path.parent.mkdir(parents=True)
        pose = np.repeat(np.arange(32.0), axes)[None, None].repeat(4, axis=1)
        cdf = writer.CDF(str(path), cdf_spec={"Encoding": 6})
        spec = {"Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True,
                "Dim_Sizes": list(pose.shape[1:])}  # fmt: skip
        cdf.write_var(spec, var_data=pose)
        cdf.close()

    video = Human36m(root=tmp_path).read("S9/Walking 1.54138969")

    assert video.tracks.keypoints.shape == (4, 17, 2)
    assert video.tracks.keypoints[0, :, 0].tolist() == [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17,
                                                        18, 19, 25, 26, 27]  # fmt: skip
    assert video.joints_3d is not None
    assert video.joints_3d[0, 1].tolist() == [0.001] * 3  # millimetres become metres
    assert (video.split, video.action, video.tracks.size) == ("test", "Walking", (1002, 1000))


def test_a_damaged_cdf_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("cdflib")
    path = tmp_path / "S1" / "MyPoseFeatures" / "D2_Positions" / "Eating.54138969.cdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a CDF file at all")

    with pytest.raises(FormatError, match="not a sound file: "):
        Human36m(root=tmp_path).read("S1/Eating.54138969")


def test_lsp_tells_its_two_sets_by_their_shape(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.ones((3, 5, 2))})

    with pytest.raises(
        FormatError, match=r"expected \(3, 14, N\) or \(14, 3, N\), got \(3, 5, 2\)"
    ):
        Lsp(root=tmp_path).videos()

    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.ones((14, 3, 2))})
    with pytest.raises(FormatError, match="this is the extended set; call it lspet"):
        Lsp(root=tmp_path).videos()
    assert len(Lsp(root=tmp_path, name="lspet").videos()) == 2


def test_posetrack17_in_matlab_has_regions_and_empty_frames(tmp_path: Path) -> None:
    corners = struct_array([{"x": 1.0, "y": 2.0}, {"x": 5.0, "y": 2.0}, {"x": 3.0, "y": 9.0}])
    image = struct_array([{"name": "images/a/1.jpg"}])
    frames = struct_array([
        {"image": image, "annorect": EMPTY, "is_labeled": 1.0,
         "ignore_regions": struct_array([{"point": corners}])},
        {"image": image, "annorect": EMPTY, "is_labeled": EMPTY, "ignore_regions": EMPTY},
    ])  # fmt: skip
    scipy.io.savemat(tmp_path / "a.mat", {"annolist": frames})

    found = read_posetrack17(tmp_path / "a.mat")

    assert found.frames.labeled is not None
    assert found.frames.labeled.tolist() == [True, False]
    np.testing.assert_array_equal(found.frames.ignore_regions[0][0], [[1, 2], [5, 2], [3, 9]])


def test_coco_refuses_broken_masks(tmp_path: Path) -> None:
    (tmp_path / "person_keypoints_val.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg", "height": 40, "width": 60}], "annotations":'
        '[{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0,'
        '"segmentation": [[1e9, 2, 3, 4, 5, 6]]}],'
        '"categories": [{"id": 1, "name": "person", "keypoints": ["nose"]}]}'
    )
    dataset = CocoPeople(root=tmp_path)

    assert len(dataset.read("val/a.jpg").tracks.frame) == 1
    with pytest.raises(FormatError, match="annotation 7: segmentation: a polygon is broken"):
        dataset.masks("val/a.jpg")


def test_archives_hold_arrays_only(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.ones(3), b=np.array([{}], object))

    assert read_npz(path, "a")["a"].tolist() == [1, 1, 1]
    with pytest.raises(FormatError, match="no array 'c'; it has a, b"):
        read_npz(path, "c")
    with pytest.raises(FormatError, match=r"b: refused: \(1,\) of object"):
        read_npz(path, "b")
    with pytest.raises(InputError, match="none.npz: no such file"):
        read_npz(tmp_path / "none.npz", "a")


def test_hdf5_is_bounded_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(3)
        file["one"] = 1.0
        file.create_dataset("vast", (2**20, 2**20), "f8")  # announced, never written

    assert hdf5_files.read_hdf5(path, "a")["a"].tolist() == [1, 1, 1]
    with pytest.raises(FormatError, match="no array 'b'; it has a, one, vast"):
        hdf5_files.read_hdf5(path, "b")
    for name in ("vast", "one"):
        with pytest.raises(FormatError, match=f"{name}: expected a list"):
            hdf5_files.read_hdf5(path, name)
    monkeypatch.setattr(hdf5_files, "MAX_BYTES", 100)
    with pytest.raises(FormatError, match="larger than 0 MiB"):
        hdf5_files.read_hdf5(path, "a")


def test_a_library_that_is_not_there_is_named() -> None:
    with pytest.raises(
        MissingExtraError, match=r"a.h5 needs the library nolib; .*pip install 'posetube.interop.'"
    ):
        optional_library("nolib.part", purpose="a.h5")


def test_reading_matlab_leaves_nothing_squeezed(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"s": struct_array([{"a": 1.0}])})

    assert read_mat(tmp_path / "a.mat")["s"].shape == (1, 1)


def test_bonn_estimates_heads_that_have_no_box_and_says_so(tmp_path: Path) -> None:
    names = {8: (50.0, 80.0), 9: (50.0, 30.0), 12: (40.0, 90.0)}  # head's ends, a shoulder

    def pose(*ids: int) -> Any:
        points = [
            {"id": float(i), "x": names[i][0] + 1, "y": names[i][1] + 1, "is_visible": 1.0}
            for i in ids
        ]
        return struct_array([{"point": struct_array(points), "head_rect": EMPTY}])

    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = pose(8, 9, 12), pose(12)
    sequence = {"num_frames": 2.0, "name": "a", "num_persons": 1.0, "annopoints": cells}
    (tmp_path / "annolist").mkdir()
    scipy.io.savemat(
        tmp_path / "annolist" / "test_annolist.mat", {"annolist": struct_array([sequence])}
    )

    video = Bonn(root=tmp_path).read("a")
    faithful = Bonn(root=tmp_path, estimate_heads=False).read("a")

    assert video.tracks.head_boxes is not None
    size = video.tracks.head_boxes[:, 2:] - video.tracks.head_boxes[:, :2]
    diagonals = np.linalg.norm(size, axis=1)
    np.testing.assert_allclose(diagonals, 50 * 1.257, rtol=0.01)  # the second by the first
    middle = video.tracks.head_boxes.reshape(2, 2, 2).mean(axis=1)
    np.testing.assert_allclose(middle, [[50, 55], [40, 90]])
    assert video.problems[0].what == "2 of 2 poses have no head box; they are estimated"
    assert faithful.tracks.head_boxes is not None
    assert np.isnan(faithful.tracks.head_boxes).all()


def test_posetrack21s_boxes_have_names_and_regions(tmp_path: Path) -> None:
    folder = tmp_path / "val" / "000342_mpii_test"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text("1,7,11,21,30,40,1,-1,-1,-1\n2,7,1,1,5,5,0,-1,-1,-1\n")
    image = '{"frame_index": %d, "file_name": "images/val/%d.jpg", %s}'
    regions = '"ignore_regions_x": [[0, 9, 9]], "ignore_regions_y": [[0, 0, 9]]'
    images = ", ".join(image % (i, i, regions) for i in (1, 2, 3))
    (folder / "image_info.json").write_text(f"[{images}]")

    video = MotSequences(root=tmp_path).read("val/000342_mpii_test")

    assert len(video.tracks.frames) == 3
    assert video.tracks.frames.names[2] == "images/val/3.jpg"
    assert video.tracks.frames.ignore_regions.keys() == {0, 1, 2}
    np.testing.assert_array_equal(video.tracks.boxes, [[10, 20, 40, 60]])


def test_motchallenges_pictures_are_numbered(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "street"
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    (folder / "gt" / "gt.txt").write_text("2,1,11,21,30,40,1,1,1.0\n")
    (folder / "img1" / "000001.jpg").write_bytes(b"")

    video = MotSequences(root=tmp_path).read("train/street")

    assert video.picture(1) == folder / "img1" / "000002.jpg"
    assert video.tracks.frame.tolist() == [1]
    assert video.split == "train"


def test_a_person_whose_text_is_no_text_is_refused(tmp_path: Path) -> None:
    people = b'{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"\xff": 1}], '
    joints = b'"categories": [{"name": "person", "keypoints": ["nose"]}]}'
    (tmp_path / "a.json").write_bytes(people + joints)

    with pytest.raises(FormatError, match="not valid JSON|annotations"):
        posetrack18.read(tmp_path / "a.json")
