"""People's masks, from the network through a run to other programs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest

from posetube.errors import FormatError, InputError
from posetube.masks import decode_mask, encode_mask
from posetube.pipelines.api.export import export
from posetube.pipelines.api.load import load
from posetube.pipelines.api.track import track
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.settings import DetectConfig
from posetube.structures import VideoTracks
from posetube.tracker.interpolation import interpolate_gaps
from tests.pipelines.conftest import SQUARE, MaskFinder

MASKS = DetectConfig(masks=True)


Maker = Callable[..., LoadedModel]


def tracked(clip: Path, make_model: Maker, out: Path | None = None, **options: Any) -> VideoTracks:
    model = make_model(finder=MaskFinder)
    return track(clip, model=model, detect=MASKS, out=out, **options)


def test_masks_follow_their_people(
    make_clip: Callable[..., Path], make_model: Maker, tmp_path: Path
) -> None:
    clip = make_clip(frames=12)

    tracks = tracked(clip, make_model, tmp_path / "run")

    assert tracks.masks is not None
    assert len(tracks.masks) == 24
    for box, mask in zip(tracks.boxes, tracks.masks, strict=True):
        rows, columns = np.nonzero(decode_mask(mask))
        assert abs(rows.min() - box[1]) <= 1
        assert abs(columns.min() - box[0]) <= 1
        assert columns.max() < (box[0] + box[2]) / 2 + 1
    in_memory = tracked(clip, make_model)
    assert in_memory.masks is not None
    assert in_memory.masks.tolist() == tracks.masks.tolist()
    part = pq.read_table(tmp_path / "run" / "detections" / "part-00000.parquet")
    assert part["mask"].to_pylist() == [mask.decode() for mask in tracks.masks]


def test_nobody_has_a_mask_who_is_not_asked_for_one(
    make_clip: Callable[..., Path], make_model: Maker, tmp_path: Path
) -> None:
    tracks = track(make_clip(frames=3), model=make_model(finder=MaskFinder), out=tmp_path / "run")

    assert tracks.masks is None
    assert "mask" not in pq.read_schema(tmp_path / "run" / "tracks.parquet").names


def test_a_network_that_draws_none_is_refused(
    make_clip: Callable[..., Path], make_model: Maker, tmp_path: Path
) -> None:
    message = "--masks: squares draws no masks; leave it out, or take a model with a mask head, "

    with pytest.raises(InputError, match=message):
        track(make_clip(frames=2), model=make_model(), detect=MASKS, out=tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_who_is_filled_in_has_no_mask(make_clip: Callable[..., Path], make_model: Maker) -> None:
    tracks = tracked(make_clip(frames=8), make_model, refine="none")
    gap = tracks.select((tracks.frame != 4) | (tracks.track_ids != 1))

    filled = interpolate_gaps(gap, seconds=1)

    assert filled.masks is not None
    assert filled.states is not None
    assert [bool(mask) for mask in filled.masks] == [state == 0 for state in filled.states]
    assert len(filled.masks) == 16


def test_coco_gets_the_masks_and_gives_them_back(
    make_clip: Callable[..., Path], make_model: Maker, tmp_path: Path
) -> None:
    tracks = tracked(make_clip(frames=5), make_model)
    export(tracks, tmp_path / "coco.json", to="coco")

    again = load(tmp_path / "coco.json")

    assert tracks.masks is not None
    assert again.masks is not None
    assert again.masks.tolist() == tracks.masks.tolist()


def test_cvat_gets_their_outlines(
    make_clip: Callable[..., Path], make_model: Maker, tmp_path: Path
) -> None:
    tracks = tracked(make_clip(frames=5), make_model)
    people = tracks.select((tracks.track_ids == 1) & (tracks.frame < 4))
    export(people, tmp_path / "cvat.xml", to="cvat")

    root = ElementTree.parse(tmp_path / "cvat.xml").getroot()

    [outline] = [one for one in root.iter("track") if one.get("label") == "outline"]
    polygons = [*outline.iter("polygon")]
    assert [one.get("outside") for one in polygons] == ["0", "0", "0", "0", "1"]
    places = [place.split(",") for place in (polygons[0].get("points") or "").split(";")]
    width, height = np.ptp(np.array(places, float), axis=0)
    # from the middle of the first pixel to the middle of the last
    assert abs(width - (SQUARE / 2 - 1)) <= 1
    assert abs(height - (SQUARE - 1)) <= 1
    assert len(load(tmp_path / "cvat.xml")) == 1


def test_masks_are_measured_by_pycocotools(
    make_clip: Callable[..., Path], make_model: Maker, tmp_path: Path
) -> None:
    tracks = tracked(make_clip(frames=5), make_model, tmp_path / "run")
    assert tracks.masks is not None
    export(tracks, tmp_path / "truth.json", to="coco")
    # a third of the left half on each side is missing: the overlap is 2/3
    narrow = [decode_mask(mask) for mask in tracks.masks]
    shapes = [mask & np.roll(mask, SQUARE // 6, axis=1) for mask in narrow]
    off = replace(tracks, masks=np.array([encode_mask(mask) for mask in shapes], object))

    same = evaluate(tmp_path / "run", tmp_path / "truth.json", protocol="coco", shape="segm")
    less = evaluate(off, tmp_path / "truth.json", protocol="coco", shape="segm")

    assert same.total("ap") == pytest.approx(100)
    assert same.notes[0] == "pycocotools, segm"
    assert less.total("ap50") == pytest.approx(100)
    assert less.total("ap75") == 0
    assert evaluate(off, tracks, protocol="coco").total("ap") == pytest.approx(100)
    some = replace(tracks, masks=np.array([*tracks.masks[:4], *[b""] * 6], object))
    report = evaluate(some, tracks, protocol="coco", shape="segm")
    assert "predictions: 6 of 10 have no mask" in report.notes


def test_tracks_without_masks_cannot_be_measured_by_them(
    make_clip: Callable[..., Path], make_model: Maker
) -> None:
    tracks = tracked(make_clip(frames=2), make_model)
    bare = replace(tracks, masks=None)

    with pytest.raises(FormatError, match="nobody has a mask; `posetube track --masks` keeps them"):
        evaluate(bare, tracks, protocol="coco", shape="segm")
    with pytest.raises(FormatError, match=r"truth: annotations\[0\]: no segmentation"):
        evaluate(tracks, bare, protocol="coco", shape="segm")
    with pytest.raises(InputError, match="shape= does not go with the protocol clean"):
        evaluate(tracks, tracks, shape="segm")
