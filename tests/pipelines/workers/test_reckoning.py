"""What a large job needs, reckoned from a record; the table of the documentation is that one."""

import json
from pathlib import Path

from benchmarks import scale_out

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "benchmarks" / "results" / "scale_out.json"


def test_a_large_job_is_reckoned_from_one_machine() -> None:
    record = {
        "processes_1": {"frames_per_second": 10.0},
        "processes_2": {"frames_per_second": 20.0},
        "frames": 1000,
        "results_mb": 4.0,
        "files_beside_parts": 5.0,
        "scheduling": {"microseconds_per_task": 100.0, "bytes_per_task": 2000.0},
    }
    job = scale_out.LargeJob(clips=1000, seconds=4.0, machines=5, bits=8e6)

    found = {what: much for what, much, _ in scale_out.reckoning(record, job)}

    # 100,000 frames at 20 per second and machine: 1000 seconds
    assert found == {
        "frames": "0 million",
        "time": "0.0 days",
        "clips read": "0.00 TB",
        "results": "0.00 TB",
        "files": "0 million",
        "the shared disk's load": "4.4 MB/s",
        "tasks given out": "1.0 per second",
        "share of one core that gives them out": "0.01 %",
        "its memory for tasks": "0.0 GB",
    }
    found = {what: much for what, much, _ in scale_out.reckoning(record)}
    assert (found["time"], found["results"]) == ("1.4 days", "1.00 TB")
    assert found["files"] == "13 million"


def test_the_table_of_the_documentation_is_that_of_the_record() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    rows = [("what", "how much", "reckoned from"), *scale_out.reckoning(record)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    table = "\n".join([lines[0], "|---|---|---|", *lines[1:]])

    assert table in (ROOT / "docs" / "many_videos.md").read_text(encoding="utf-8"), table
