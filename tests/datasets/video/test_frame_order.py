"""Frames in display order, and slots for those that never come; with fake packets and frames."""

import random
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.datasets.video.frame_order import (
    PATIENCE,
    REORDER,
    FrameOrder,
    FrameSlot,
    RestartWatch,
)


def order(codec: str = "h264", *, timed: bool = True, counted: bool = False) -> FrameOrder:
    stream: Any = SimpleNamespace(codec_context=SimpleNamespace(name=codec), time_base=0.01)
    return FrameOrder(stream, timed=timed, counted=counted or not timed)


class Packet(bytes):
    """A fake packet, with its bytes."""

    pts: int | None
    dts: int | None
    size: int
    is_keyframe = False
    is_discard = False
    is_corrupt = False


def packet(pts: int | None, dts: int | None = None, **marks: Any) -> Any:
    made = Packet(marks.pop("data", b"\x10000"))
    made.size = len(made)
    made.pts, made.dts = pts, pts if dts is None else dts
    for name, value in marks.items():
        setattr(made, name, value)
    return made


def frame(pts: int | None, **marks: Any) -> Any:
    usual = {"pts": pts, "dts": pts, "is_corrupt": False, "interlaced_frame": False}
    return SimpleNamespace(**{**usual, **marks})


def send(account: FrameOrder, *stamps: int) -> None:
    for stamp in stamps:
        account.sent(packet(stamp, is_keyframe=stamp == stamps[0]))


def stamps(slots: list[FrameSlot]) -> list[tuple[int | None, bool]]:
    """Time stamp of each slot, and whether it has a picture."""
    return [(None if s.key is None else s.key[1], s.picture is not None) for s in slots]


def test_frames_pass_at_once_while_all_is_well() -> None:
    account = order()
    send(account, 0, 3, 1, 2)

    shown = [stamps(list(account.received(frame(pts)))) for pts in (0, 1, 2, 3)]

    assert shown == [[(0, True)], [(1, True)], [(2, True)], [(3, True)]]
    assert list(account.flush()) == []


def test_a_frame_that_comes_late_takes_its_place() -> None:
    account = order()
    send(account, 0, 1, 2, 3)

    slots = [slot for pts in (0, 2, 3, 1) for slot in account.received(frame(pts))]

    assert stamps(slots) == [(0, True), (1, True), (2, True), (3, True)]


def test_a_frame_that_never_comes_is_given_up_after_a_while() -> None:
    account = order()
    send(account, *range(30))

    slots = [s for pts in (0, *range(2, PATIENCE + 3)) for s in account.received(frame(pts))]

    assert stamps(slots)[:3] == [(0, True), (1, False), (2, True)]
    assert list(account.received(frame(1))) == []  # too late: its place is taken


def test_the_last_frames_are_missed_at_the_end() -> None:
    account = order()
    send(account, 0, 1, 2)

    slots = [*account.received(frame(1)), *account.flush()]

    assert stamps(slots) == [(0, False), (1, True), (2, False)]


def test_two_frames_of_one_time_are_both_shown() -> None:
    account = order()
    send(account, 0, 0, 1)

    slots = [slot for pts in (0, 0, 1) for slot in account.received(frame(pts))]

    assert stamps(slots) == [(0, True), (0, True), (1, True)]


def test_a_frame_more_than_was_promised_is_shown_without_a_time() -> None:
    account = order()
    send(account, 0, 1)

    slots = [slot for pts in (0, 0, None, 1) for slot in account.received(frame(pts))]

    assert stamps(slots) == [(0, True), (None, True), (None, True), (1, True)]


def test_guessed_times_do_not_change_the_order_of_codecs_that_deliver_in_order() -> None:
    account = order("mpeg2video")
    send(account, 0, 2, 1, 4, 3)
    pictures = [frame(pts) for pts in (0, 2, 1, 4, 3)]

    slots = [slot for picture in pictures for slot in account.received(picture)]

    assert [slot.picture for slot in slots] == pictures
    assert stamps(slots) == [(i, True) for i in range(5)]


def test_headers_in_the_middle_of_joined_theora_are_no_frames() -> None:
    account = order("theora")
    send(account, 0, 1)
    account.sent(packet(2, data=b"\x80theora"))

    slots = [slot for pts in (0, 1) for slot in account.received(frame(pts))]

    assert stamps([*slots, *account.flush()]) == [(0, True), (1, True)]


@pytest.mark.parametrize("before", [(), (0,)])
def test_hidden_frames_have_no_place(before: tuple[int, ...]) -> None:
    account = order("vp8")
    send(account, 5)
    account.sent(packet(6, data=b"\x00000"))
    account.sent(packet(7, is_discard=True))

    slots = [*account.received(frame(5)), *account.flush()]

    assert stamps(slots) == [(5, True)]
    assert account.packets == 3


def test_the_second_field_of_an_interlaced_frame_has_no_place() -> None:
    account = order()
    send(account, *range(12))

    slots = [
        s for pts in range(0, 12, 2) for s in account.received(frame(pts, interlaced_frame=True))
    ]

    assert stamps([*slots, *account.flush()]) == [(pts, True) for pts in range(0, 12, 2)]


def test_what_nothing_can_decode_before_the_first_keyframe_is_left_out() -> None:
    account = order()
    for stamp in (0, 1, 2):
        account.sent(packet(stamp))
    account.sent(packet(3, is_keyframe=True))

    slots = [*account.received(frame(3)), *account.flush()]

    assert stamps(slots) == [(3, True)]
    assert account.leading == 3


def test_time_stamps_that_begin_anew_come_after_those_before() -> None:
    account = order()
    send(account, 900, 910)
    send(account, 0, 10)

    slots = [slot for pts in (900, 910, 0, 10) for slot in account.received(frame(pts))]

    assert [slot.key for slot in slots] == [(0, 900), (0, 910), (1, 0), (1, 10)]


def restarts(stamps: list[int], keys: set[int]) -> list[int]:
    """Places at which time begins anew."""
    watch = RestartWatch()
    packets = [packet(pts, is_keyframe=i in keys) for i, pts in enumerate(stamps)]
    return [i for i, one in enumerate(packets) if watch.begins_anew(one)]


@given(
    steps=st.lists(st.integers(1, 100_000), min_size=1, max_size=120),
    group=st.integers(1, REORDER // 2),
    seed=st.randoms(use_true_random=False),
)
def test_reordering_and_pauses_are_no_restart_at_any_rate(
    steps: list[int], group: int, seed: random.Random
) -> None:
    times = list(accumulate(steps))
    coded: list[int] = []
    keys = set()
    for begin in range(0, len(times), group):
        # The last of a group is coded first, the others follow in any order: an open GOP.
        *rest, anchor = times[begin : begin + group]
        if seed.random() < 0.3:
            keys.add(len(coded))
        coded += [anchor, *seed.sample(rest, len(rest))]

    assert restarts(coded, keys) == []


@pytest.mark.parametrize("keys", [{0, 40}, {0}])
@pytest.mark.parametrize("step", [1, 40, 5000])
def test_a_second_recording_is_a_restart_at_any_rate(keys: set[int], step: int) -> None:
    stamps = [i * step for i in range(40)]

    assert restarts(stamps + stamps, keys) == [40]


def test_stamps_that_are_merely_out_of_place_are_no_restart() -> None:
    assert restarts([33, 0, 66, 65, 100, 133], {*range(6)}) == []


def test_damage_that_the_container_reports_marks_the_frame() -> None:
    account = order()
    account.sent(packet(0, is_keyframe=True, is_corrupt=True))

    (slot,) = account.received(frame(0))

    assert slot.damaged
    assert account.near_damage


def test_without_times_frames_come_as_delivered_and_an_error_stands_for_one() -> None:
    account = order("mpeg4", timed=False)

    slots: list[FrameSlot] = []
    for dts in range(4):
        account.sent(packet(None, dts, is_keyframe=dts == 0))
        slots += [] if dts == 0 else account.failed() if dts == 2 else account.received(frame(dts))
    slots += [*account.received(frame(None)), *account.flush()]

    assert stamps(slots) == [(1, True), (2, False), (3, True), (None, True)]


def test_packets_without_presentation_times_leave_the_decoding_times() -> None:
    account = order("mpeg4")
    for dts in (0, 40, 900):
        account.sent(packet(None, dts, is_keyframe=dts == 0))

    slots = [s for dts in (40, 900) for s in account.received(frame(None, dts=dts))]

    assert stamps([*slots, *account.flush()]) == [(40, True), (900, True)]


@pytest.mark.parametrize(("size", "data"), [(7, b"\0\0\1\xb6___"), (1, b"\x7f")])
def test_a_frame_that_repeats_the_one_before_has_no_place(size: int, data: bytes) -> None:
    account = order("mpeg4", timed=True, counted=True)
    slots: list[FrameSlot] = []
    for dts in range(20):
        repeats = dts in (3, 4)
        made = packet(dts + 1, dts, is_keyframe=dts == 0, **({"data": data} if repeats else {}))
        made.size = size if repeats else 400
        account.sent(made)
        slots += account.received(frame(None, dts=dts)) if not repeats else ()
        slots += account.failed() if size == 1 and repeats else ()

    shown = [*slots, *account.flush()]

    assert stamps(shown) == [(dts, True) for dts in range(20) if dts not in (3, 4)]
    assert not account.near_damage
