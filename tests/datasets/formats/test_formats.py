"""What each format writes, what it refuses, and that other programs read it."""

import contextlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posetube.datasets.formats import (
    alphapose,
    coco,
    csv_table,
    cvat_xml,
    deeplabcut,
    json_lines,
    mmpose_json,
    mot,
    openpose,
    parquet_table,
    posetrack21,
    sleap,
)
from posetube.datasets.formats.format_table import (
    FORMATS,
    find_format,
    find_written_format,
    recognise,
)
from posetube.datasets.formats.joint_sets import losses, with_joints
from posetube.errors import FormatError, InputError, MissingExtraError, PoseTubeError
from posetube.skeletons import COCO17, COCO19, POSETRACK17SLOTS, Skeleton, convert
from posetube.structures import FrameTable, JointState, VideoTracks

FRAMES = 4


SLEAP = ("slp", "sleap-analysis", "nwb")
"""Formats whose library takes seconds."""


@pytest.fixture
def tracks() -> VideoTracks:
    """Two people in four frames; the second leaves after two."""
    rng = np.random.default_rng(0)
    frame = np.array([0, 0, 1, 1, 2, 3])
    ids = np.array([3, 7, 3, 7, 3, 3])
    points = rng.uniform(10, 300, (6, 17, 2)).round(2)
    points[0, 4] = np.nan
    states = np.where(np.isnan(points[..., 0]), 0, rng.choice([1, 2], (6, 17)))
    low = rng.uniform(0, 100, (6, 2)).round(1)
    return VideoTracks(
        source="walk",
        size=(360, 640),
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(FRAMES) / 25),
        frame=frame,
        track_ids=ids,
        boxes=np.concatenate([low, low + 50], axis=1).astype(np.float32),
        scores=rng.uniform(0.1, 1, 6).round(3).astype(np.float32),
        keypoints=points,
        keypoint_scores=rng.uniform(0.1, 1, (6, 17)).round(3),
        joint_states=states.astype(np.uint8),
    )


def test_pycocotools_reads_what_coco_writes(tracks: VideoTracks, tmp_path: Path) -> None:
    cocotools = pytest.importorskip("pycocotools.coco")
    coco.write_tracks(tmp_path / "walk.json", tracks)

    with contextlib.redirect_stdout(io.StringIO()):
        loaded = cocotools.COCO(str(tmp_path / "walk.json"))

    assert len(loaded.getImgIds()) == FRAMES
    person = loaded.loadAnns(loaded.getAnnIds(imgIds=[1]))[1]
    assert person["track_id"] == person["attributes"]["track_id"] == 7
    assert person["num_keypoints"] == 17
    assert loaded.loadCats(1)[0]["keypoints"][0] == "nose"


def test_coco_keeps_the_edges_of_joints_that_nobody_knows(
    tracks: VideoTracks, tmp_path: Path
) -> None:
    whale = Skeleton(name="whale", joints=("snout", "fin", "fluke"), edges=(("fin", "fluke"),))
    swum = replace(
        tracks,
        skeleton=whale,
        keypoints=tracks.keypoints[:, :3],
        keypoint_scores=tracks.keypoint_scores[:, :3],
        joint_states=None,
    )
    coco.write_tracks(tmp_path / "sea.json", swum)

    found = coco.read(tmp_path / "sea.json").skeleton

    assert (found.joints, found.edges) == (whale.joints, whale.edges)
    with pytest.raises(InputError, match="none is known for snout, fin, fluke"):
        _ = found.sigmas


def test_coco_keeps_people_states_scores_and_times(tracks: VideoTracks, tmp_path: Path) -> None:
    coco.write_tracks(tmp_path / "walk.json", tracks)

    found = coco.read(tmp_path / "walk.json")

    assert found.joint_states is not None
    np.testing.assert_array_equal(found.joint_states, tracks.joint_states)
    np.testing.assert_array_equal(found.keypoints, tracks.keypoints)
    np.testing.assert_allclose(found.boxes, tracks.boxes, rtol=1e-6)
    np.testing.assert_array_equal(found.scores, tracks.scores)
    np.testing.assert_array_equal(found.keypoint_scores, tracks.keypoint_scores)
    np.testing.assert_array_equal(found.frames.times, tracks.frames.times)
    assert found.size == tracks.size


@pytest.mark.filterwarnings("ignore")  # motmetrics' use of pandas
def test_motmetrics_reads_what_mot_writes(tracks: VideoTracks, tmp_path: Path) -> None:
    motmetrics = pytest.importorskip("motmetrics")
    mot.write_tracks(tmp_path / "walk.txt", tracks)

    table = motmetrics.io.loadtxt(tmp_path / "walk.txt", fmt="mot15-2D")

    assert table.index[1] == (1, 7)
    # motmetrics takes 1 from corners that count from 1, and so is back at ours
    np.testing.assert_allclose(table.loc[(1, 3)][["X", "Y"]], tracks.boxes[0, :2], rtol=1e-5)
    np.testing.assert_allclose(table["Width"], 50, rtol=1e-5)
    np.testing.assert_allclose(table["Confidence"], tracks.scores)


def test_mot_keeps_boxes_identities_and_scores(tracks: VideoTracks, tmp_path: Path) -> None:
    mot.write_tracks(tmp_path / "walk.txt", tracks)

    found = mot.read(tmp_path / "walk.txt")

    np.testing.assert_array_equal(found.frame, tracks.frame)
    np.testing.assert_array_equal(found.track_ids, tracks.track_ids)
    np.testing.assert_allclose(found.boxes, tracks.boxes, atol=1e-5)
    np.testing.assert_array_equal(found.scores, tracks.scores)


def test_a_person_without_a_box_has_that_of_its_joints_in_mot(
    tracks: VideoTracks, tmp_path: Path
) -> None:
    bare = replace(tracks, boxes=np.full((6, 4), np.nan, np.float32))
    mot.write_tracks(tmp_path / "walk.txt", bare)

    found = mot.read(tmp_path / "walk.txt")

    np.testing.assert_allclose(found.boxes[1, :2], tracks.keypoints[1].min(axis=0), rtol=1e-6)


def test_pandas_reads_deeplabcuts_table_as_deeplabcut_does(
    tracks: VideoTracks, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    deeplabcut.write_tracks(tmp_path / "walk.csv", tracks)

    table = pandas.read_csv(tmp_path / "walk.csv", header=[0, 1, 2, 3], index_col=0)

    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert table.index.tolist() == list(range(FRAMES))
    wrist = table["posetube"]["track_7"]["left_wrist"]
    np.testing.assert_array_equal(wrist[["x", "y"]].to_numpy()[:2], tracks.keypoints[[1, 3], 9])
    assert wrist.isna().to_numpy()[2:].all()


def test_sleap_io_reads_slp(tracks: VideoTracks, tmp_path: Path) -> None:
    sio = pytest.importorskip("sleap_io")
    sleap.write_tracks(tmp_path / "walk.slp", tracks)

    labels = sio.load_slp(str(tmp_path / "walk.slp"), open_videos=False)

    assert [node.name for node in labels.skeletons[0].nodes] == list(COCO17.joints)
    assert [track.name for track in labels.tracks] == ["track_3", "track_7"]
    np.testing.assert_allclose(labels[1].instances[0].numpy(), tracks.keypoints[2])


def test_pandas_reads_the_long_table(tracks: VideoTracks, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    csv_table.write_tracks(tmp_path / "walk.csv", tracks)

    table = pandas.read_csv(tmp_path / "walk.csv")

    assert list(table.columns) == [
        "video", "frame", "time", "track_id", "joint", "x", "y", "score", "visible",
    ]  # fmt: skip
    assert len(table) == 6 * 17
    nose = table[(table.joint == "nose") & (table.track_id == 7)]
    np.testing.assert_array_equal(nose[["x", "y"]], tracks.keypoints[[1, 3], 0])
    assert table["x"].isna().sum() == 1


def test_a_table_of_other_columns_is_read(tmp_path: Path) -> None:
    text = "joint,frame,track_id,x,y,note\nwrist,2,1,5,6,a\nelbow,2,1,7,8,b\nwrist,0,1,1,2,c\n"
    (tmp_path / "t.csv").write_text(text)

    found = csv_table.read(tmp_path / "t.csv")

    assert found.skeleton.joints == ("wrist", "elbow")
    assert found.frame.tolist() == [0, 2]
    assert len(found.frames) == 3
    np.testing.assert_array_equal(found.keypoints[1], [[5, 6], [7, 8]])


def test_a_person_who_leaves_is_outside_in_cvat(tracks: VideoTracks, tmp_path: Path) -> None:
    cvat_xml.write_tracks(tmp_path / "walk.xml", tracks)
    text = (tmp_path / "walk.xml").read_text()

    second = text[text.index('<track id="7"') :]
    gone = second[second.index('<skeleton frame="2"') :].split("</skeleton>")[0]

    assert gone.count('outside="1"') == 17
    assert text.count("<skeleton") == 7
    assert "<parent>person</parent>" in text


def test_names_that_need_escaping_survive_cvat(tracks: VideoTracks, tmp_path: Path) -> None:
    odd = replace(tracks, source='a<b>&"c')
    cvat_xml.write_tracks(tmp_path / "walk.xml", odd)

    assert cvat_xml.read(tmp_path / "walk.xml").source == 'a<b>&"c'


def test_openpose_has_a_file_for_frames_without_people(tracks: VideoTracks, tmp_path: Path) -> None:
    openpose.write_tracks(tmp_path / "out", tracks.select(tracks.frame == 1))

    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files[0] == "walk_000000000000_keypoints.json"
    assert len(files) == FRAMES
    second = json.loads((tmp_path / "out" / files[1]).read_text())["people"][0]
    assert second["person_id"] == [3]
    neck = second["pose_keypoints_2d"][3:5]
    shoulders = tracks.keypoints[2, [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]]
    np.testing.assert_allclose(neck, shoulders.mean(axis=0))


def test_openposes_older_model_is_read(tmp_path: Path) -> None:
    person = {"pose_keypoints_2d": [1.0, 2.0, 0.5] + [0.0] * 51}
    (tmp_path / "a_000000000003_keypoints.json").write_text(json.dumps({"people": [person]}))

    found = openpose.read(tmp_path)

    assert found.skeleton.joints == openpose.BODY18.joints
    assert (found.frame.tolist(), found.track_ids.tolist()) == ([3], [-1])
    assert np.isnan(found.keypoints[0, 1:]).all()


def test_mmposes_stray_comma_is_understood(tmp_path: Path) -> None:
    person = {"keypoints": [[1, 2]] * 17, "keypoint_scores": [0.5] * 17, "bbox_score": 0.9}
    frames = [
        {"frame_id": 1, "instances": [{**person, "bbox": [[1, 2, 3, 4]]}]},
        {"frame_id": 2, "instances": [{**person, "bbox": [1, 2, 3, 4]}]},
    ]
    (tmp_path / "a.json").write_text(json.dumps({"meta_info": {}, "instance_info": frames}))

    found = mmpose_json.read(tmp_path / "a.json")

    np.testing.assert_array_equal(found.boxes, [[1, 2, 3, 4]] * 2)
    assert found.skeleton is COCO17


def test_posetrack21_has_person_ids_and_regions(tracks: VideoTracks, tmp_path: Path) -> None:
    slots, _ = with_joints(tracks, POSETRACK17SLOTS)
    posetrack21.write_tracks(tmp_path / "walk.json", slots)

    content = json.loads((tmp_path / "walk.json").read_text())

    assert {person["person_id"] for person in content["annotations"]} == {3, 7}
    assert content["images"][0]["ignore_regions_x"] == []
    assert content["images"][0]["has_labeled_person"] is True
    assert posetrack21.read(tmp_path / "walk.json").track_ids.tolist() == [3, 7, 3, 7, 3, 3]


@pytest.mark.parametrize("name", ["cvat", "deeplabcut", "mot", "posetrack18", "posetrack17"])
def test_formats_that_need_identities_say_who_has_none(
    name: str, tracks: VideoTracks, tmp_path: Path
) -> None:
    form = find_written_format(name)
    ids = tracks.track_ids.copy()
    ids[3] = -1
    nameless = replace(tracks, track_ids=ids)
    nameless = with_joints(nameless, form.joints[0])[0] if form.joints else nameless

    with pytest.raises(InputError, match="frame 1: a person has no track id"):
        form.write(tmp_path / f"walk{form.suffix}", nameless)


WRONG: list[tuple[Any, str, str, str]] = [
    (csv_table, ".csv", "a,b\n1,2\n", "no column frame, track_id, joint, x, y"),
    (csv_table, ".csv", "frame,track_id,joint,x,y\n0,1,nose,ten,3\n", "not a table of joints"),
    (csv_table, ".csv", "frame,track_id,joint,x,y\n-1,1,nose,2,3\n", "a frame is outside"),
    (csv_table, ".csv", "frame,track_id,joint,x,y\n0,1,nose,inf,3\n", "not finite"),
    (csv_table, ".csv", "frame,track_id,joint,x,y\n0,,nose,1,3\n", "track_id: 1 lines have none"),
    (csv_table, ".csv", "frame,track_id,joint,x,y,visible\n0,1,a,1,3,5\n", "must be 0, 1 or 2"),
    (csv_table, ".csv", "video,frame,track_id,joint,x,y\na,0,1,n,1,3\nb,0,1,n,1,3\n", "2 videos"),
    (json_lines, ".jsonl", "{}\n", "line 1: .*missing required field `?format"),
    (json_lines, ".jsonl", '{"format": "x", "version": 1, "source": "", "skeleton": "",'
     ' "joints": []}\n', "expected posetube-tracks of version 1, got 'x'"),
    (json_lines, ".jsonl", '{"format": "posetube-tracks", "version": 1, "source": "", "skeleton":'
     ' "s", "joints": ["a"]}\n{"people": [{"track_id": 1, "keypoints": []}]}\n',
     "line 2: a person has not 1 joints"),
    (cvat_xml, ".xml", "<annotations>", "not valid XML"),
    (cvat_xml, ".xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "refused: it has a document"),
    (cvat_xml, ".xml", "<annotations></annotations>", "0 joints; expected tracks of skeletons"),
    (cvat_xml, ".xml", '<a><track id="1"><skeleton frame="0"><points label="n" points="1"/>'
     "</skeleton></track></a>", "track 1, frame 0: expected points of the form x,y, got '1'"),
    (cvat_xml, ".xml", '<a><track id="1"><skeleton frame="x"><points label="n" points="1,2"/>'
     "</skeleton></track></a>", "expected a whole number from 0, got 'x'"),
    (deeplabcut, ".csv", "a,b\n1,2\n", "expected the header lines scorer, bodyparts, coords"),
    (deeplabcut, ".csv", "scorer,s\nbodyparts,n\ncoords,q\n0,1\n", "expected columns x, y"),
    (deeplabcut, ".csv", "scorer,s,s\nbodyparts,n,n\ncoords,x,y\n0,1,x\n", "line 4: could not"),
    (deeplabcut, ".csv", "scorer,s,s\nbodyparts,n,n\ncoords,x,y\n0,1,2\n0,1,2\n", "comes twice"),
    (deeplabcut, ".csv", "scorer,s,s\nbodyparts,n,n\ncoords,x,y\n0,1,1e9\n", "not finite"),
    (alphapose, ".json", '[{"keypoints": [1, 2]}]', "expected as many keypoints for every person"),
    (alphapose, ".json", '[{"keypoints": ["x"]}]', "Expected `?float"),
    (mmpose_json, ".json", '{"meta_info": {}, "instance_info": [{"instances": [{"keypoints":'
     " [[1, 2]]}]}]}", "meta_info does not name the joints"),
    (mmpose_json, ".json", '{"meta_info": {}, "instance_info": [{"frame_id": 0, "instances":'
     " []}]}", r"frame_id 0 is not in \[1, 1000000\]"),
    (coco, ".json", '{"images": [], "annotations": [], "categories": []}',
     "no category names its keypoints"),
    (coco, ".json", '{"images": [], "annotations": [{"id": 1, "image_id": 5}],'
     ' "categories": [{"id": 1, "name": "p", "keypoints": ["a"]}]}', "no image has id 5"),
    (parquet_table, ".parquet", "no parquet", "not a table of tracks"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "suffix", "text", "message"), WRONG)
def test_what_is_wrong_is_said(
    module: Any, suffix: str, text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / f"wrong{suffix}"
    path.write_text(text)

    with pytest.raises(FormatError, match=message) as caught:
        module.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parquet_table_may_be_sorted_otherwise_and_needs_numbers(
    tracks: VideoTracks, tmp_path: Path
) -> None:
    parquet_table.write_tracks(tmp_path / "a.parquet", tracks)
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table.sort_by("track_id"), tmp_path / "a.parquet")

    found = parquet_table.read(tmp_path / "a.parquet")

    assert found.frame.tolist() == tracks.frame.tolist()
    assert found.track_ids.tolist() == tracks.track_ids.tolist()
    ids = table.column("track_id").cast(pa.string())
    place = table.schema.get_field_index("track_id")
    pq.write_table(table.set_column(place, "track_id", ids), tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="track_id: expected numbers, got string"):
        parquet_table.read(tmp_path / "a.parquet")


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")

    with pytest.raises(FormatError, match="its metadata has no 'posetube'"):
        parquet_table.read(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", [form.name for form in FORMATS if form.is_written])
def test_a_file_that_is_not_there_is_said(name: str, tmp_path: Path) -> None:
    form = find_written_format(name)
    if name in SLEAP:
        pytest.importorskip("sleap_io")

    with pytest.raises(InputError, match="no such f"):
        form.read(tmp_path / f"none{form.suffix}")


@pytest.mark.parametrize(
    "name",
    [f.name for f in FORMATS if f.is_written and not f.write_clips and f.name not in SLEAP],
)
def test_a_format_is_told_by_name_and_content(
    name: str, tracks: VideoTracks, tmp_path: Path
) -> None:
    form = find_written_format(name)
    content = with_joints(tracks, form.joints[0])[0] if form.joints else tracks
    path = tmp_path / f"walk{form.suffix}"
    form.write(path, content)

    guessed = recognise(path)

    assert guessed.name == ("posetrack18" if name == "posetrack21" else name)


def test_what_is_no_format_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.doc").write_text("x")

    with pytest.raises(FormatError, match="no format ends in '.doc'; say which it is"):
        recognise(tmp_path / "a.doc")
    with pytest.raises(FormatError, match="no files of OpenPose in this folder"):
        recognise(tmp_path)
    with pytest.raises(InputError, match="no format is called 'doc'; there are posetrack18"):
        find_written_format("doc")
    with pytest.raises(InputError, match="no format is called 'doc'; there are posetrack18.*vatic"):
        find_format("doc")


def test_a_missing_library_says_what_to_install(
    tracks: VideoTracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sleap_io", None)

    with pytest.raises(MissingExtraError, match=r"needs the library sleap_io; .*posetube.interop"):
        sleap.write_tracks(tmp_path / "walk.slp", tracks)


def test_what_is_no_hdf5_file_is_refused_at_once(tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    (tmp_path / "walk.slp").write_bytes(b"damaged")

    with pytest.raises(FormatError, match="not an HDF5 file, as .slp files are"):
        sleap.read(tmp_path / "walk.slp")


@pytest.mark.slow
def test_a_damaged_slp_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("sleap_io")
    (tmp_path / "walk.slp").write_bytes(sleap.SIGNATURE + bytes(2000))

    with pytest.raises(FormatError, match="not a sound file: OSError: "):
        sleap.read(tmp_path / "walk.slp")


def test_sleap_goes_by_the_ending(tracks: VideoTracks, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a name that ends in .slp, .nwb, .h5"):
        sleap.write_tracks(tmp_path / "walk.csv", tracks)


def test_every_failure_is_one_of_the_projects_own(tmp_path: Path) -> None:
    for form in FORMATS:
        name = form.name
        if form.suffix and name not in SLEAP:
            path = tmp_path / f"binary{form.suffix}"
            path.write_bytes(bytes(range(256)))
            with pytest.raises(PoseTubeError):
                form.read(path)


def test_a_conversion_tells_what_it_does_to_the_joints(tracks: VideoTracks) -> None:
    found, plan = with_joints(tracks, POSETRACK17SLOTS)

    assert losses(plan) == [
        "joints lost: left_eye, right_eye",
        "joints estimated: head_bottom, head_top",
    ]
    assert found.joint_states is not None
    top = POSETRACK17SLOTS.index("head_top")
    parts = [COCO17.index(j) for j in ("nose", "left_shoulder", "right_shoulder")]
    assert tracks.joint_states is not None
    np.testing.assert_array_equal(
        found.joint_states[:, top], tracks.joint_states[:, parts].min(axis=1)
    )
    assert JointState.ABSENT not in found.joint_states[1:, top]


def test_nothing_is_estimated_where_that_is_not_wanted(tracks: VideoTracks) -> None:
    found, plan = with_joints(tracks, POSETRACK17SLOTS, derive=False)

    assert losses(plan)[-1] == "joints left unknown: head_bottom, head_top"
    assert np.isnan(found.keypoints[:, 1:3]).all()
    assert np.isnan(found.keypoint_scores[:, 1:3]).all()


@pytest.mark.parametrize(
    ("form", "written"),
    [("coco", COCO17), ("posetrack18", POSETRACK17SLOTS), ("parquet", COCO19)],
)
def test_coco_files_get_cocos_joints_and_posetracks_the_ends_of_the_head(
    form: str, written: Skeleton
) -> None:
    assert find_written_format(form).skeleton_for(COCO19).joints == written.joints


def test_a_neck_that_was_found_is_no_estimate() -> None:
    plan = convert(COCO19, POSETRACK17SLOTS)

    assert plan.derived == ()
    assert plan.dropped == ("left_eye", "right_eye")
    assert convert(COCO17, POSETRACK17SLOTS).derived == ("head_bottom", "head_top")
