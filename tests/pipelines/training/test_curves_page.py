"""The page with a training run's curves."""

import re
from pathlib import Path

from posetube.pipelines.training.curves_page import HEIGHT, PAGE, WIDTH, curves_page, write_curves
from posetube.pipelines.training.training_metrics import append_metrics


def test_each_number_has_a_curve_from_its_first_step_to_its_last() -> None:
    records = [
        {"step": 10, "loss": 4.0, "videos_mota": 20.0},
        {"step": 20, "loss": 3.0},
        {"step": 30, "loss": 2.0, "videos_mota": 60.0, "skipped": float("nan")},
    ]

    page = curves_page(records, title="<b>run</b>")

    lines = re.findall(r'points="([^"]*)"', page)
    assert lines[0] == f"0.0,0.0 {WIDTH / 2},{HEIGHT / 2} {WIDTH}.0,{HEIGHT}.0"
    assert lines[1] == f"0.0,{HEIGHT}.0 {WIDTH}.0,0.0"
    assert len(lines) == 2
    assert 'aria-label="loss: 4 at step 10, 2 at step 30"' in page
    assert "<b>run</b>" not in page
    assert "&lt;b&gt;run&lt;/b&gt;" in page
    assert "3 reports, to step 30." in page


def test_the_page_is_written_once_there_is_something_to_show(tmp_path: Path) -> None:
    write_curves(tmp_path)
    assert not (tmp_path / PAGE).exists()

    append_metrics(tmp_path, {"step": 1, "loss": 5})
    write_curves(tmp_path)

    assert 'circle cx="160.0" cy="70.0"' in (tmp_path / PAGE).read_text()
