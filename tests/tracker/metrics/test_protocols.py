"""What each protocol makes of small scenes whose numbers can be worked out by hand.

One person is 15 joints in a row, 10 pixels apart; head boxes have a diagonal of 50, so that a head
size is 30 pixels and a joint is right up to 15 pixels away.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.metrics.eval_sequence import pose_sequence
from posetube.tracker.metrics.protocols import SequenceResult, measure, protocol, summarize
from posetube.tracker.metrics.report import EvalReport

Placed = tuple[int, float, float]
"""Track id, x and y of the first joint."""

JOINTS = np.arange(15)[:, None] * np.array([10.0, 0.0])
REGION = np.array([[900.0, 900], [1100, 900], [1100, 1100], [900, 1100]])


def scene(
    frames: Sequence[Sequence[Placed]],
    *,
    labeled: Sequence[bool] | None = None,
    regions: Sequence[int] = (),
    missing: Sequence[tuple[int, int]] = (),
    score: float = 0.5,
) -> VideoTracks:
    """Who is where in each frame; ``missing`` are pairs of row and joint."""
    people = [placed for frame in frames for placed in frame]
    start = np.array([[x, y] for _, x, y in people]).reshape(-1, 1, 2)
    keypoints = start + JOINTS
    for row, joint in missing:
        keypoints[row, joint] = np.nan
    n = len(people)
    return VideoTracks(
        source="000001_mpii_test",
        size=None,
        skeleton=POSETRACK15,
        frames=FrameTable(
            times=np.arange(len(frames), dtype=np.float64),
            labeled=None if labeled is None else np.array(labeled),
            ignore_regions=dict.fromkeys(regions, (REGION,)),
        ),
        frame=np.repeat(np.arange(len(frames)), [len(frame) for frame in frames]),
        track_ids=np.array([identity for identity, _, _ in people], np.int64),
        boxes=np.full((n, 4), np.nan, np.float32),
        scores=np.full(n, np.nan, np.float32),
        keypoints=keypoints,
        keypoint_scores=np.full((n, 15), score),
        head_boxes=np.tile(np.array([0.0, 0, 30, 40]), (n, 1)),
    )


def evaluated(
    truth: VideoTracks, found: VideoTracks, name: str = "clean", **options: Any
) -> EvalReport:
    rules = protocol(name, strict=options.pop("strict", False))
    built = pose_sequence(
        truth,
        found,
        name=truth.source,
        rules=rules.rules,
        frame_of=np.arange(len(found.frames)),
        **options,
    )
    return summarize([measure(built, rules, events=True)], rules)


STILL = [[(1, 100.0, 100.0), (2, 100.0, 400.0)]] * 4


def shifted(pixels: float) -> list[list[Placed]]:
    """Everybody so far to the right."""
    return [[(i, x + pixels, y) for i, x, y in frame] for frame in STILL]


def test_a_perfect_prediction_has_100_everywhere() -> None:
    for name in ("poseval", "poseval2017", "posetrack21", "clean"):
        report = evaluated(scene(STILL), scene(STILL), name)
        assert {report.total(metric) for metric in ("ap", "ap_precision", "ap_recall")} == {100}
        for metric in ("mota", "motp", "idf1", "hota", "assa"):
            assert report.total(metric) in (100, None), (name, metric)


def test_a_joint_is_right_up_to_half_a_head_away() -> None:
    truth = scene([[(1, 100.0, 100.0)]] * 3)
    assert evaluated(truth, scene([[(1, 100.0, 115.0)]] * 3)).total("mota") == 100
    assert evaluated(truth, scene([[(1, 100.0, 115.001)]] * 3)).total("mota") == -100


def test_motp_is_the_mean_distance_of_pairs() -> None:
    report = evaluated(scene([[(1, 100.0, 100.0)]] * 3), scene([[(1, 100.0, 106.0)]] * 3))
    assert report.total("motp") == pytest.approx(80)


def test_nobody_predicted_costs_each_miss_in_clean_and_a_dummy_a_frame_in_poseval() -> None:
    empty = scene([[]] * 4)

    clean = evaluated(scene(STILL), empty)
    assert (clean.total("mota"), clean.total("recall"), clean.total("precision")) == (0, 0, None)
    assert clean["misses"]["nose"] == 8

    poseval = evaluated(scene(STILL), empty, "poseval")
    assert poseval.total("mota") == -100
    assert poseval["misses"]["nose"] == poseval["false_positives"]["nose"] == 3
    assert poseval.total("ap") == 0


def test_poseval_does_not_track_in_the_last_frame_but_ranks_it() -> None:
    found = scene([*STILL[:3], [(1, 700.0, 700.0)]])

    report = evaluated(scene(STILL), found, "poseval")

    assert report.total("mota") == 100
    assert report.total("ap_recall") == 75


def test_a_sequence_of_one_frame_has_no_mota_in_poseval_and_says_so() -> None:
    report = evaluated(scene(STILL[:1]), scene(STILL[:1]), "poseval")
    assert report.total("ap") == 100
    assert set(report["mota"].values()) == {None}
    assert "000001_mpii_test has only one" in report.notes[0]
    assert "note: MOTA is undefined" in report.table()


def test_exchanged_identities_are_two_switches_once() -> None:
    swapped = [[(2, 100.0, 100.0), (1, 100.0, 400.0)]]
    report = evaluated(scene(STILL), scene(STILL[:2] + swapped * 2))
    assert report["switches"]["nose"] == 2
    assert report.total("mota") == 75
    assert report.total("idf1") == 50


def test_a_return_under_another_identity_is_a_switch_however_late() -> None:
    truth = scene([[(1, 100.0, 100.0)], *[[]] * 50, [(1, 100.0, 100.0)]])
    found = scene([[(5, 100.0, 100.0)], *[[]] * 50, [(6, 100.0, 100.0)]])
    assert evaluated(truth, found)["switches"]["nose"] == 1


def test_a_match_is_kept_even_if_another_is_nearer() -> None:
    truth = scene([[(1, 100.0, 100.0)]] * 2)
    found = scene([[(5, 100.0, 100.0)], [(6, 100.0, 100.0), (5, 100.0, 110.0)]])

    report = evaluated(truth, found)

    assert report["switches"]["nose"] == 0
    assert report["false_positives"]["nose"] == 1


def test_as_many_pairs_as_possible_are_made_before_they_are_made_short() -> None:
    # 5 is near both; only 6 is near the second. Greedy would give 5 to the second (1 px).
    truth = scene([[(1, 100.0, 100.0), (2, 100.0, 113.0)]])
    found = scene([[(5, 100.0, 112.0), (6, 100.0, 120.0)]])
    report = evaluated(truth, found)
    assert report["matches"]["nose"] == 2
    assert report.total("motp") == pytest.approx(100 * (1 - (12 + 7) / 30 / 2))


def test_of_several_predictions_for_one_person_the_best_is_taken_the_others_are_wrong() -> None:
    truth = scene([[(1, 100.0, 100.0), (2, 100.0, 122.0)]])
    # both have person 1 as their best; the second would fit person 2 as well, but is not tried
    found = scene([[(5, 100.0, 100.0), (6, 100.0, 110.0)]])
    report = evaluated(truth, found)
    assert report.total("ap_precision") == 50
    assert report.total("ap_recall") == 50


def test_the_fraction_of_joints_decides_not_their_number() -> None:
    truth = scene(
        [[(1, 100.0, 100.0), (2, 100.0, 118.0)]],
        missing=[(1, joint) for joint in range(3, 15)],
    )
    found = scene([[(5, 100.0, 112.0)]])
    found.keypoints[0, 5:] += 500  # 5 of 15 are near person 1, 3 of 3 near person 2
    report = evaluated(truth, found)
    assert report["ap_recall"]["right_ankle"] == 50
    assert report["ap_precision"]["left_hip"] == 0  # joint 3: person 2 does not have it


def test_a_joint_that_is_predicted_but_never_labelled_is_undefined_and_left_out() -> None:
    truth = scene(STILL, missing=[(row, 13) for row in range(8)])  # no nose

    report = evaluated(truth, scene(STILL), "poseval")

    assert report["ap"]["nose"] is report["ap"]["Head"] is report["mota"]["nose"] is None
    assert report["ap_precision"]["nose"] == 0
    assert report.total("ap") == 100
    assert evaluated(truth, scene(STILL), "posetrack21")["ap"]["nose"] == 0
    assert evaluated(truth, scene(STILL), "poseval2017").total("ap") is None


def test_a_joint_that_is_neither_predicted_nor_labelled_has_ap_0() -> None:
    gone = [(row, 14) for row in range(8)]
    report = evaluated(scene(STILL, missing=gone), scene(STILL, missing=gone), "poseval")
    assert report["ap"]["head_top"] == 0
    assert report["mota"]["head_top"] is None
    assert report.total("ap") == pytest.approx(100 * 14 / 15)
    assert report.total("mota") == 100


def test_people_in_an_ignore_region_do_not_count_on_either_side() -> None:
    truth = scene([[(1, 100.0, 100.0), (2, 910.0, 1000.0)]] * 3, regions=range(3))
    found = scene([[(1, 100.0, 100.0), (3, 920.0, 950.0)]] * 3)
    for name in ("poseval", "clean", "posetrack21"):
        report = evaluated(truth, found, name)
        assert report.total("ap") == 100, name
        assert report.total("mota") in (100, None), name


def test_labelled_frames_without_people_count_in_clean_but_not_in_poseval() -> None:
    truth = scene([*STILL[:3], []], labeled=[True] * 4)
    assert evaluated(truth, scene(STILL))["false_positives"]["nose"] == 2
    assert evaluated(truth, scene(STILL), "poseval").frames == 3
    unlabeled = scene([*STILL[:3], []], labeled=[True] * 3 + [False])
    assert evaluated(unlabeled, scene(STILL)).total("mota") == 100


def test_pointless_people_make_a_dummy_only_where_the_format_drops_them() -> None:
    nothing = [(6, joint) for joint in range(15)]
    truth = scene([*STILL[:3], [(1, 100.0, 100.0)], [(1, 100.0, 100.0)]], missing=nothing)
    found = scene([*STILL, [(1, 100.0, 100.0)]])
    kept = evaluated(truth, found, "poseval")
    dropped = evaluated(truth, found, "poseval", without_pointless=(True, True))
    assert (kept["misses"]["nose"], kept["false_positives"]["nose"]) == (0, 2)
    assert (dropped["misses"]["nose"], dropped["false_positives"]["nose"]) == (1, 1)


def test_joints_at_or_beyond_the_picture_s_edge_do_not_exist_in_posetrack21() -> None:
    truth = scene([[(1, 0.0, 100.0)]] * 2)  # the first joint is at x = 0
    assert evaluated(truth, truth, "posetrack21")["hota_tp"]["right_ankle"] == 0
    assert evaluated(truth, truth, "clean")["matches"]["right_ankle"] == 2


def test_the_published_hota_pays_a_frame_without_predictions_with_the_whole_sequence() -> None:
    found = scene([*STILL[:3], []])
    fixed = evaluated(scene(STILL), found, "posetrack21")
    strict = evaluated(scene(STILL), found, "posetrack21", strict=True)
    assert fixed["hota_fn"]["nose"] == 2
    assert strict["hota_fn"]["nose"] == 8
    assert strict.protocol == "posetrack21 (strict)"
    assert strict.total("deta") == pytest.approx(600 / 14)
    assert fixed.total("deta") == pytest.approx(75)


def test_two_joints_are_as_alike_as_they_are_near() -> None:
    # a quarter of a head apart: 1 - 0.25 / 0.5001, which 10 of 19 thresholds accept
    report = evaluated(scene(STILL), scene(shifted(7.5)), "posetrack21")
    assert report.total("hota") == pytest.approx(1000 / 19)
    assert report.total("hota_tp") == pytest.approx(15 * 8 * 10 / 19)
    likeness = 1 - 0.25 / 0.5001
    assert report.total("loca") == pytest.approx(100 * (10 * likeness + 9) / 19)


def test_the_parts_of_association() -> None:
    one, other = [(7, 100.0, 100.0)], [(8, 100.0, 100.0)]
    found = scene([one, one, other, one, one, one])  # 5 of 6 with 7, in stretches of 2 and 3

    report = evaluated(scene([[(1, 100.0, 100.0)]] * 6), found, "posetrack21")

    assa, fraga = 26 / 36, (2 * 2 + 3 * 3 + 1) / 36
    parts = {"assa": assa, "assre": 26 / 36, "asspr": 1, "fraga": fraga, "detre": 1, "detpr": 1}
    shares = {**parts, "rhota": assa**0.5, "fa_hota": (assa * fraga) ** 0.25}
    assert {name: report.total(name) for name in shares} == pytest.approx(
        {name: 100 * share for name, share in shares.items()}
    )


def test_in_2017_an_empty_frame_repeated_the_one_before() -> None:
    found = scene([STILL[0], [], STILL[2], STILL[3]])
    report = evaluated(scene(STILL), found, "poseval2017")
    assert report.total("mota") == 100
    assert evaluated(scene(STILL), found, "poseval").total("mota") == pytest.approx(60)


def test_in_2017_it_repeated_the_errors_too_but_no_switch() -> None:
    swapped = [(2, 100.0, 100.0), (9, 700.0, 700.0)]  # a switch, a miss and a false positive
    found = scene([STILL[0], swapped, [], [], STILL[0]])
    report = evaluated(scene([*STILL, STILL[0]]), found, "poseval2017")
    counts = ("objects", "matches", "misses", "false_positives", "switches")
    assert [report[name]["nose"] for name in counts] == [8, 5, 3, 3, 1]
    assert report.total("mota") == pytest.approx(100 * (1 - 7 / 8))


def test_in_2017_frames_whose_truth_is_ignored_were_repeated_others_without_truth_left_out() -> (
    None
):
    there = [(3, 910.0, 1000.0)]
    truth = scene([STILL[0], there, [], STILL[0], STILL[0]], regions=[1])
    report = evaluated(truth, scene([*STILL, STILL[0]]), "poseval2017")
    assert report.frames == 4
    assert report["objects"]["nose"] == 6  # 2, 2 again, 2; the last does not count
    assert report.total("mota") == 100


def test_in_2017_frames_before_the_first_with_both_sides_are_left_out() -> None:
    report = evaluated(scene(STILL), scene([[], [], *STILL[2:]]), "poseval2017")
    assert report["objects"]["nose"] == 2
    assert report.total("mota") == 100
    nobody = evaluated(scene(STILL), scene([[]] * 4), "poseval2017")
    assert (nobody.total("ap"), nobody.total("mota")) == (0, None)


def test_in_2017_one_undefined_joint_made_the_mean_undefined() -> None:
    truth = scene(STILL, missing=[(row, 13) for row in range(8)])  # no nose
    report = evaluated(truth, scene(STILL), "poseval2017")
    assert report["mota"]["right_knee"] == 100
    for metric in ("ap", "mota", "recall"):
        assert report.total(metric) is None, metric
        assert evaluated(truth, scene(STILL), "poseval").total(metric) == 100, metric


def test_in_2017_it_even_repeated_one_of_the_sequence_before() -> None:
    rules = protocol("poseval2017")
    results: list[SequenceResult] = []
    carried = None
    for found in (scene(STILL), scene([[], *STILL[1:]])):
        built = pose_sequence(
            scene(STILL), found, name=str(len(results)), rules=rules.rules, frame_of=np.arange(4)
        )
        results.append(measure(built, rules, carried=carried))
        carried = results[-1].carried

    report = summarize(results, rules)

    assert report.per_sequence["1"]["matches"]["nose"] == 6
    assert report.total("mota") == 100


def test_events_list_every_error_with_frame_joint_and_ids() -> None:
    truth = scene([[(1, 100.0, 100.0)]] * 3)
    found = scene([[(5, 100.0, 103.0)], [], [(6, 100.0, 103.0), (7, 500.0, 500.0)]])

    events = [event for event in evaluated(truth, found).events if event.joint == "nose"]

    assert [(e.kind, e.frame, e.truth_id, e.predicted_id) for e in events] == [
        ("miss", 1, 1, None),
        ("false positive", 2, None, 7),
        ("switch", 2, 1, 6),
    ]
    assert events[2].distance == pytest.approx(0.1)


def test_equal_scores_rank_the_later_joint_first() -> None:
    found = scene([[(5, 100.0, 100.0), (6, 700.0, 700.0)]] * 2)
    report = evaluated(scene([[(1, 100.0, 100.0)]] * 2), found)
    assert report.total("ap") == pytest.approx(50)  # wrong, right, wrong, right


def test_joints_without_a_score_rank_last() -> None:
    found = scene([[(5, 100.0, 100.0), (6, 700.0, 700.0)]] * 2)
    found.keypoint_scores[1::2] = np.nan
    assert evaluated(scene([[(1, 100.0, 100.0)]] * 2), found).total("ap") == 100


def test_unknown_protocols_are_named_with_those_that_exist() -> None:
    with pytest.raises(InputError, match="no pose tracking protocol 'mota'; there are poseval, "):
        protocol("mota")
    with pytest.raises(InputError, match="strict is for the protocol posetrack21, got clean"):
        protocol("clean", strict=True)
