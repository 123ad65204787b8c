"""How corrections are typed."""

import pytest

from posetube.errors import InputError
from posetube.pipelines.editing.edit_words import SPELLING, parse_edit, spelled
from posetube.tracker.edits import VERBS, Edit


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("merge 3 5", Edit(verb="merge", tracks=(3, 5))),
        ("split 3 @12.4s", Edit(verb="split", tracks=(3,), start=12.4)),
        ("swap 2 4 @00:01:02", Edit(verb="swap", tracks=(2, 4), start=62)),
        ("delete 7", Edit(verb="delete", tracks=(7,))),
        ("delete 7 @2s..5s", Edit(verb="delete", tracks=(7,), start=2, stop=5)),
        ("delete 7 @800ms..@1.5", Edit(verb="delete", tracks=(7,), start=0.8, stop=1.5)),
        ("rename  3  anna lena ", Edit(verb="rename", tracks=(3,), name="anna lena")),
        ("keep 1,2", Edit(verb="keep", tracks=(1, 2))),
        ("keep 1, 2 4", Edit(verb="keep", tracks=(1, 2, 4))),
        ("assign 3 8 @2s..5s", Edit(verb="assign", tracks=(3, 8), start=2, stop=5)),
        (
            "move 3 left_wrist @12.4s 310,-2.5",
            Edit(verb="move", tracks=(3,), joint="left_wrist", start=12.4, place=(310, -2.5)),
        ),
    ],
)
def test_corrections_are_read_and_spelled_again(text: str, edit: Edit) -> None:
    assert parse_edit(text) == edit
    assert parse_edit(spelled(edit)) == edit


def test_every_correction_has_a_spelling_that_is_read() -> None:
    for verb in VERBS:
        assert parse_edit(SPELLING[verb][0].replace("[", "").replace("]", "")).verb == verb


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("join 3 5", "there is no correction 'join'; there are merge, split"),
        ("merge 3", "expected for example `merge 3 5`, got 'merge 3'"),
        ("split 3 12.4s", "expected for example `split 3 @12.4s`"),
        ("swap 2 4 @soon", "expected a time such as 12.5s"),
        ("delete 7 @5s..2s", "must not end before it starts"),
        ("move 3 left_wrist @1s 310", "expected for example `move 3 left_wrist"),
    ],
)
def test_what_is_no_correction_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_edit(text)
