"""Small situations in both of PoseTrack's formats, with the numbers that they must have.

A case is written in a line per side: frames are parted by ``|``, ``x3`` repeats one, ``-`` is
nobody, ``;`` begins another sequence. A person is ``<id><place>``: the 15 joints stand in a row,
10 pixels apart, and places are 300 pixels apart. Then may follow ``+12``, so many pixels further to
the right; ``:0-4,9``, only these joints; ``~13,14``, all but these. Head sizes are 30 pixels at
``a`` and 60 at ``A``, so that a joint is right up to 15 or 30 pixels away. Scores fall from row to
row: of two predictions in a frame the first ranks first.

The numbers are worked out by hand where a comment or the numbers themselves say how. Every
situation is also one of the fixtures that were computed with the reference tools
(``test_evaluate_fixtures.py``), by which the rules were checked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import posetrack17, posetrack18_writer
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, Polygon, VideoTracks

PERSON = re.compile(r"(\d+)([a-fA-F])([+-][\d.]+)?(?:([:~])([\d,-]+))?")
ORIGIN = (-10.0, 300.0)
"""Where place ``a`` is when a case says so: its first joint is at x < 0, its second at 0."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A situation and its numbers; percent of the total over the joints."""

    truth: str
    found: str
    ap: float
    mota: float
    """By ``poseval``, which leaves the last frame out; the next four too."""
    motp: float
    precision: float
    recall: float
    errors: tuple[int, int, int, int]
    """Misses, false positives, switches and objects, all joints."""
    clean: float
    """MOTA of every frame."""
    idf1: float
    hota: float
    """By ``posetrack21``."""
    labeled: str = ""
    """``x`` for each labelled frame, if not all are."""
    region: tuple[tuple[float, float], ...] = ()
    """Corners of a polygon in which nothing counts."""
    region_frames: Sequence[int] | None = None
    """Where it is, if not in every frame."""
    scores: float | None = None
    """One score for all joints."""
    first: tuple[float, float] = (100.0, 300.0)
    """Where place ``a`` begins."""
    in_17: tuple[float, float, float, float, tuple[int, int, int, int]] | None = None
    """MOTA ... errors in PoseTrack17's form, where the form makes a difference."""


PERFECT: dict[str, Any] = {
    "ap": 100, "mota": 100, "motp": 100, "precision": 100, "recall": 100, "clean": 100,
    "idf1": 100, "hota": 100,
}  # fmt: skip

CASES = {
    "perfect": Case(truth="1a 2b x3", found="1a 2b x3", errors=(0, 0, 0, 60), **PERFECT),
    # 4 frames of 2 people: 2 of 8 are switches; each truth has 2 frames with one and 3 with the
    # other identity: IDTP 6 of 10; AssA (2 * 2/8 + 3 * 3/7) / 5 = 5/14
    "identities exchanged": Case(
        truth="1a 2b x5", found="1a 2b x2 | 2a 1b x3", ap=100, mota=75, motp=100, precision=100,
        recall=100, errors=(0, 0, 30, 120), clean=80, idf1=60, hota=100 * sqrt(5 / 14),
    ),
    # AssA (5 * 5/6 + 1 * 1/6) / 6 = 26/36
    "another identity and back": Case(
        truth="1a x6", found="7a x2 | 8a | 7a x3", ap=100, mota=60, motp=100, precision=100,
        recall=100, errors=(0, 0, 30, 75), clean=200 / 3, idf1=1000 / 12, hota=100 * sqrt(26 / 36),
    ),
    # of 8: 1 miss, 1 switch; DetA 9/10, AssA (1 * 1/5 + 3 * 3/5 + 5) / 9
    "missed, then a new identity": Case(
        truth="1a 2b x5", found="5a 9b | 9b | 6a 9b x3", ap=90, mota=75, motp=100, precision=100,
        recall=87.5, errors=(15, 0, 15, 120), clean=80, idf1=1600 / 19, hota=100 * sqrt(7 / 10),
    ),
    # AssA (2 * 2/4 + 2 * 2/4 + 6) / 10
    "gone, and back with a new identity": Case(
        truth="1a 2b x2 | 2b x2 | 1a 2b x2", found="5a 9b x2 | 9b x2 | 6a 9b x2", ap=100, mota=87.5,
        motp=100, precision=100, recall=100, errors=(0, 0, 15, 120), clean=90, idf1=80,
        hota=100 * sqrt(8 / 10),
    ),
    # labelled frames say 5 5 6 6, of which poseval sees three
    "another identity in an unlabelled frame": Case(
        truth="1a | - | 1a | - | 1a | - | 1a", found="5a x3 | 6a x4", labeled="x.x.x.x", ap=100,
        mota=200 / 3, motp=100, precision=100, recall=100, errors=(0, 0, 15, 45), clean=75, idf1=50,
        hota=100 * sqrt(1 / 2),
    ),
    # DetA and AssA 3/5
    "only the last frame is wrong": Case(
        truth="1a x4", found="1a x3 | 1f", ap=75, mota=100, motp=100, precision=100, recall=100,
        errors=(0, 0, 0, 45), clean=50, idf1=75, hota=60,
    ),
    # of 2 + 1 (dummy) + 2 objects a miss and a false positive; in truth 2 of 8 are missed
    "a frame without predictions": Case(
        truth="1a 2b x4", found="1a 2b | - | 1a 2b x2", ap=75, mota=60, motp=100, precision=80,
        recall=80, errors=(15, 15, 0, 75), clean=75, idf1=1200 / 14, hota=75,
    ),
    "nothing predicted": Case(
        truth="1a 2b x3", found="- x3", ap=0, mota=-100, motp=0, precision=0, recall=0,
        errors=(30, 30, 0, 30), clean=0, idf1=0, hota=0,
    ),
    # clean: 2 false positives against 4 objects; DetA 4/6, AssA 4/5
    "a frame without truth": Case(
        truth="1a x2 | - | 1a x2", found="1a x2 | 1a 3c | 1a x2", ap=100, mota=100, motp=100,
        precision=100, recall=100, errors=(0, 0, 0, 45), clean=50, idf1=80,
        hota=100 * sqrt(8 / 15),
    ),
    # Person 2's first joint lies on the border, so it counts and is missed, the others are inside.
    # That joint: MOTA 50, AP 50, IDF1 2/3; DetA 45/48, AssA 1
    "people in a region": Case(
        truth="1a 2d x3", found="1a 3d+40 x3", region=((1000, 200), (1200, 200), (1200, 400),
        (1000, 400)), ap=1450 / 15, mota=1450 / 15, motp=100, precision=100, recall=1450 / 15,
        errors=(2, 0, 0, 32), clean=1450 / 15, idf1=(1400 + 200 / 3) / 15, hota=100 * sqrt(45 / 48),
    ),
    # likewise: the eighth joint lies where the border crosses itself
    "people in a region that crosses itself": Case(
        truth="1a 2b x3", found="1a 2b+5 x3", region=((380, 250), (560, 350), (560, 250),
        (380, 350)), ap=1450 / 15, mota=1450 / 15, motp=100, precision=100, recall=1450 / 15,
        errors=(2, 0, 0, 32), clean=1450 / 15, idf1=(1400 + 200 / 3) / 15, hota=100 * sqrt(45 / 48),
    ),
    # the third frame stays, without truth: the prediction left there is wrong for AP (right right
    # wrong right right: 1/4 + 1/4 + 2 * 1/4 * 4/5), and a dummy for MOTA
    "a region with all the truth": Case(
        truth="1a x2 | 2d | 1a x2", found="1a x2 | 1a 3d | 1a x2", region=((990, 200), (1200, 200),
        (1200, 400), (990, 400)), region_frames=[2], ap=90, mota=50, motp=100, precision=75,
        recall=75, errors=(15, 15, 0, 60), clean=75, idf1=800 / 9, hota=80,
    ),
    # Joints 0-9 twice: AP 1/2 (wrong, right, wrong, right ...), MOTA 0, IDF1 2/3; DetA 45/75
    "two predictions of one person": Case(
        truth="1a x3", found="2a+5:0-9 1a x3", ap=(10 * 50 + 500) / 15, mota=500 / 15, motp=100,
        precision=1000 / 15, recall=100, errors=(0, 20, 0, 30), clean=500 / 15,
        idf1=(10 * 200 / 3 + 500) / 15, hota=100 * sqrt(45 / 75),
    ),
    # the first is paired: right, wrong, right, wrong ...: (1 + 2/3 + 3/5) / 3
    "two predictions of one person, alike": Case(
        truth="1a x3", found="1a 2a x3", ap=100 * (1 + 2 / 3 + 3 / 5) / 3, mota=0, motp=100,
        precision=50, recall=100, errors=(0, 30, 0, 30), clean=0, idf1=200 / 3,
        hota=100 * sqrt(1 / 2),
    ),
    # 5 keeps its match, 10 pixels away, from 6; AP right right wrong right; HOTA pairs 6 there:
    # DetA 3/4, AssA (2 * 2/4 + 1/3) / 3
    "a match that is kept although another is nearer": Case(
        truth="1a x3", found="5a | 6a 5a+10 | 5a", ap=100 * (2 / 3 + 1 / 3 * 3 / 4), mota=50,
        motp=100 * (1 - 1 / 6), precision=200 / 3, recall=100, errors=(0, 15, 0, 30),
        clean=200 / 3, idf1=600 / 7, hota=100 * sqrt(1 / 3),
    ),
    # 5 fits all three, but only three pairs are the most: 11 + 4 + 6 pixels. They are as alike as
    # 0.267, 0.733 and 0.600: 3 true positives at 5 thresholds, 2 at 7, 1 at 2, none at 5
    "a crowd": Case(
        truth="1a 2a+12 3a+24 x3", found="5a+11 6a+16 7a+30 x3", ap=100, mota=100,
        motp=100 * (1 - 21 / 30 / 3), precision=100, recall=100, errors=(0, 0, 0, 90), clean=100,
        idf1=100, hota=100 * (5 + 7 * sqrt(2 / 4) + 2 * sqrt(1 / 5)) / 19,
    ),
    # right wrong right wrong ...: (1 + 2/3 + 3/5) / 6
    "exactly at the threshold, and beyond": Case(
        truth="1a 2b x3", found="1a+15 2b+15.001 x3", ap=100 * (1 + 2 / 3 + 3 / 5) / 6, mota=0,
        motp=50, precision=50, recall=50, errors=(30, 30, 0, 60), clean=0, idf1=50, hota=0,
    ),
    # 2 is off by a third of its head: alike enough at 6 thresholds, DetA 1/3
    "a large person and a small one": Case(
        truth="1a 2B x3", found="1a+20 2b+20 x3", ap=25, mota=0, motp=200 / 3, precision=50,
        recall=50, errors=(30, 30, 0, 60), clean=0, idf1=50, hota=600 * sqrt(1 / 3) / 19,
    ),
    # nose (13): predicted, never labelled: AP, recall and MOTA undefined, precision, IDF1 and AssA
    # 0; head_top (14): neither: AP, MOTP and AssA 0, the rest undefined
    "joints that are never labelled": Case(
        truth="1a~13,14 x3", found="1a~14 x3", ap=1300 / 14, mota=100, motp=1300 / 15,
        precision=1300 / 14, recall=100, errors=(0, 2, 0, 26), clean=100, idf1=1300 / 14,
        hota=100 * sqrt(39 / 42 * 13 / 15),
    ),
    # the first two joints are at x = -10 and 0: for posetrack21 they are not there
    "joints beyond the picture's edge": Case(
        truth="1a x3", found="1a x3", first=ORIGIN, errors=(0, 0, 0, 30),
        **PERFECT | {"hota": 100 * sqrt(13 / 15)},
    ),
    "predicted people without joints": Case(
        truth="1a 2b x4", found="1a 2b x2 | 5a~0-14 | 1a 2b", ap=75, mota=200 / 3, motp=100,
        precision=100, recall=200 / 3, errors=(30, 0, 0, 90), clean=75, idf1=1200 / 14, hota=75,
        in_17=(60, 100, 80, 80, (15, 15, 0, 75)),
    ),
    # right right wrong, then 4 right up to 6/7; DetA 6/7, AssA (3 * 3/4 + 3) / 6
    "true people without joints": Case(
        truth="1a 2b | 1a~0-14 | 1a 2b x2", found="1a 2b | 1a | 1a 2b x2",
        ap=100 * (2 + 4 * 6 / 7) / 6, mota=75, motp=100, precision=80, recall=100,
        errors=(0, 15, 0, 60), clean=500 / 6, idf1=1200 / 13, hota=100 * sqrt(3 / 4),
        in_17=(60, 100, 80, 80, (15, 15, 0, 75)),
    ),
    # 5 of 15 joints of person 1 are near, 3 of 3 of person 2. Joints 0-2: AP 50, MOTA 50, off by
    # 6 pixels; joints 3-4: AP 0, since person 2 lacks them, but MOTA 100, off by 12; others 0.
    # Alike by 0.600 and 0.200: 15 true positives at 4 thresholds, 9 at 8; joints' AssA 1/2 ... 1
    "the fraction of joints decides, not their number": Case(
        truth="1a 2a+18:0-2 x3", found="5a+12:0-4 x3", ap=150 / 15, mota=350 / 15,
        motp=(3 * 80 + 2 * 60) / 15, precision=100, recall=350 / 15, errors=(26, 0, 0, 36),
        clean=350 / 15, idf1=(3 * 200 / 3 + 2 * 100) / 15,
        hota=100 * (4 * sqrt(15 / 54 * 5 / 15) + 8 * sqrt(9 / 60 * 3 / 15)) / 19,
    ),
    # 6 fits person 1 best, whom 5 takes; for AP it stays alone although it fits person 2.
    # HOTA: 6 and person 2, 12 pixels apart, are a pair at 4 thresholds
    "a person whose best fit is taken": Case(
        truth="1a 2a+22 x3", found="5a 6a+10 x3", ap=100 * (1 + 2 / 3 + 3 / 5) / 6, mota=100,
        motp=80, precision=100, recall=100, errors=(0, 0, 0, 60), clean=100, idf1=100,
        hota=100 * (4 + 15 * sqrt(1 / 3)) / 19,
    ),
    # sums, then ratios: 2 of 2 and 2 of 4 are 4 of 6, not 75 %; AssA (3 + (2 * 2/3 + 1/3)) / 6
    "two sequences with the same identities": Case(
        truth="1a x3 ; 1a 2b x3", found="1a x3 ; 2a x2 | 1a", ap=600 / 9, mota=400 / 6, motp=100,
        precision=100, recall=400 / 6, errors=(30, 0, 0, 90), clean=500 / 9, idf1=1000 / 15,
        hota=100 * sqrt(6 / 9 * 14 / 18),
    ),
    "no scores": Case(
        truth="1a x3", found="1a x3", scores=np.nan, errors=(0, 0, 0, 30), **PERFECT
    ),
    # the later ranks first: wrong, right, wrong, right
    "equal scores": Case(
        truth="1a x2", found="1a 9f x2", scores=0.5, ap=50, mota=0, motp=100, precision=50,
        recall=100, errors=(0, 15, 0, 15), clean=0, idf1=400 / 6, hota=100 * sqrt(1 / 2),
    ),
    "the largest identity": Case(
        truth="1a x3", found="9999a x3", errors=(0, 0, 0, 30), **PERFECT
    ),
    "people in any order": Case(
        truth="1a 2b x3", found="2b 1a | 1a 2b | 2b 1a", errors=(0, 0, 0, 60), **PERFECT
    ),
    # wrists: AP wrong, right, wrong, right ...; MOTA 1 - 2/2; IDF1 2/3; DetA 84/90
    "predicted joints that somebody lacks": Case(
        truth="1a~6,11 2b x3", found="1a 2b x3", ap=1400 / 15, mota=1300 / 15, motp=100,
        precision=1400 / 15, recall=100, errors=(0, 4, 0, 56), clean=1300 / 15,
        idf1=(1300 + 2 * 200 / 3) / 15, hota=100 * sqrt(84 / 90),
    ),
}  # fmt: skip


def videos(case: Case, text: str) -> list[VideoTracks]:
    """The sequences of one side."""
    return [
        video(case, part, name=f"{number:06d}_mpii_test")
        for number, part in enumerate(text.split(";"), start=1)
    ]


def video(case: Case, text: str, *, name: str) -> VideoTracks:
    """One sequence."""
    parts = [re.split(r"\s+x(?=\d+$)", part.strip()) for part in text.split("|")]
    frames = [PERSON.findall(p[0]) for p in parts for _ in range(int(p[1]) if len(p) > 1 else 1)]
    people = [person for frame in frames for person in frame]
    rows = len(people)
    falling = 0.9 - 0.01 * np.arange(rows)[:, None]
    indices = range(len(frames)) if case.region_frames is None else case.region_frames
    region: tuple[Polygon, ...] = (np.array(case.region, np.float64),)
    large = np.array([place.isupper() for _, place, *_ in people], np.float64).reshape(-1, 1)
    return VideoTracks(
        source=name,
        size=None,
        skeleton=POSETRACK15,
        frames=FrameTable(
            times=np.full(len(frames), np.nan),
            names=tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(len(frames))),
            labeled=np.array([mark == "x" for mark in case.labeled]) if case.labeled else None,
            ignore_regions=dict.fromkeys(indices, region) if case.region else {},
        ),
        frame=np.repeat(np.arange(len(frames)), [len(frame) for frame in frames]),
        track_ids=np.array([int(identity) for identity, *_ in people], np.int64),
        boxes=np.full((rows, 4), np.nan, np.float32),
        scores=np.full(rows, np.nan, np.float32),
        keypoints=np.array([joints(p, case.first) for p in people]).reshape(rows, 15, 2),
        keypoint_scores=np.broadcast_to(
            falling if case.scores is None else case.scores, (rows, 15)
        ).copy(),
        head_boxes=np.array([[0.0, 0, 30, 40]]) * (1 + large),
    )


def joints(person: tuple[str, ...], first: tuple[float, float]) -> np.ndarray:
    """(15, 2) where they are, NaN where the person lacks one."""
    _, place, shift, kind, listed = person
    x = first[0] + 300 * "abcdef".index(place.lower()) + float(shift or 0)
    points = np.stack([x + 10.0 * np.arange(15), np.full(15, first[1])], axis=1)
    named = np.zeros(15, np.bool_)
    for part in filter(None, listed.split(",")):
        start, _, stop = part.partition("-")
        named[int(start) : int(stop or start) + 1] = True
    points[{":": ~named, "~": named, "": np.zeros(15, np.bool_)}[kind]] = np.nan
    return points


def write(folder: Path, sequences: list[VideoTracks], *, old: bool) -> Path:
    """A file for each in a new folder, in PoseTrack17's or 18's form."""
    folder.mkdir()
    writer = posetrack17.write_tracks if old else posetrack18_writer.write_tracks
    for sequence in sequences:
        writer(folder / f"{sequence.source}.json", sequence)
    return folder


@pytest.mark.parametrize("old", [False, True], ids=["posetrack18", "posetrack17"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_situation_has_its_numbers(case: Case, old: bool, tmp_path: Path) -> None:
    found = write(tmp_path / "pred", videos(replace(case, region=()), case.found), old=old)
    truth = write(tmp_path / "gt", videos(case, case.truth), old=old)

    poseval = evaluate(found, truth, protocol="poseval")
    clean = evaluate(found, truth, protocol="clean")
    posetrack21 = evaluate(found, truth, protocol="posetrack21")

    want = (case.mota, case.motp, case.precision, case.recall, case.errors)
    *ratios, errors = case.in_17 if old and case.in_17 else want
    got = [poseval.total(metric) for metric in ("ap", "mota", "motp", "precision", "recall")]
    assert got == pytest.approx([case.ap, *ratios], abs=1e-9)
    counts = ("misses", "false_positives", "switches", "objects")
    assert tuple(poseval.total(metric) for metric in counts) == errors
    assert clean.total("mota") == pytest.approx(case.clean, abs=1e-9)
    assert clean.total("idf1") == pytest.approx(case.idf1, abs=1e-9)
    assert posetrack21.total("hota") == pytest.approx(case.hota, abs=1e-9)
