"""A cluster of machines, here of nodes on one: the same files, also where a machine dies."""

import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posetube.errors import InputError
from posetube.pipelines.cli import main
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.workers.ray_config import RayConfig
from posetube.pipelines.workers.ray_pool import RemoteWorker, _room
from posetube.pipelines.workers.worker_loop import Refused, WorkerSetup
from tests.pipelines.workers.conftest import results, wait_for

ClipMaker = Callable[..., Path]
NEEDED = "Ray is not installed: pip install -e '.[ray]'"
PLAIN = ("--no-overlay", "--no-report")


@pytest.mark.slow
def test_a_machine_that_dies_loses_nothing(
    make_clip: ClipMaker,
    program: Callable[..., subprocess.Popen[str]],
    track_here: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ray", reason=NEEDED)
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # for the nodes
    for number, frames in enumerate((30, 90)):  # the second is cut into stretches
        make_clip(f"clips/{number}.mp4", frames=frames, pan=2)
    clips, whole, shared = tmp_path / "clips", tmp_path / "whole", tmp_path / "shared"
    assert track_here("track", clips, "-o", whole) == 0
    small = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80_000_000}
    cluster: Any = Cluster(initialize_head=True, head_node_args=small)
    try:
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]

        words: list[object] = ["track", clips, "-o", shared, f"--ray={cluster.address}"]
        job = program(*words, pause=0.1)
        first = shared / "0" / "detections" / "part-00000.parquet"
        wait_for(lambda: first.exists() and any(shared.glob("1/detections/part-*")))
        written = first.stat().st_mtime_ns
        cluster.remove_node(nodes[0], allow_graceful=False)
        told, complaint = job.communicate()

        assert job.returncode == 0, complaint
        assert "squares on cpu (a test), 2 workers on a cluster" in told
        assert "is gone (" in complaint
        assert "another goes on from the parts that are there" in complaint
        assert first.stat().st_mtime_ns == written
        assert results(shared) == results(whole)
        assert not [*shared.glob(".posetube*")]

        words[3] = stopped = tmp_path / "stopped"
        job = program(*words, pause=0.1)
        wait_for((stopped / "0" / "detections" / "part-00000.parquet").exists)
        os.killpg(job.pid, signal.SIGINT)
        told, complaint = job.communicate()

        assert job.returncode == 130, complaint
        assert "interrupted, what is done is kept. To go on: posetube track" in complaint
        assert RunDirectory(stopped / "0").read().state == "partial"
        assert track_here("track", clips, "-o", stopped) == 0
        assert results(stopped) == results(whole)
    finally:
        cluster.shutdown()


BLIND = """
import pathlib, sys
exists = pathlib.Path.exists

def hidden(path):
    return str(path).startswith({folder!r})

def refuse(event, arguments):
    if event in ("open", "os.mkdir", "os.rename", "os.listdir") and hidden(arguments[0]):
        raise FileNotFoundError(arguments[0])

pathlib.Path.exists = lambda self: not hidden(self) and exists(self)
sys.addaudithook(refuse)
"""
"""Imported by every Python of a node: a machine from which a folder cannot be reached."""


@pytest.mark.slow
def test_machines_that_share_no_disk_send_their_runs(
    make_clip: ClipMaker,
    program: Callable[..., subprocess.Popen[str]],
    track_here: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ray", reason=NEEDED)
    from ray.cluster_utils import Cluster

    tests, blind, kept = str(Path(__file__).parents[1]), tmp_path / "blind", tmp_path / "kept"
    blind.mkdir()
    kept.mkdir()
    gathered, whole = tmp_path / "gathered", tmp_path / "whole"
    (blind / "sitecustomize.py").write_text(BLIND.format(folder=str(gathered)))
    for number, frames in enumerate((24, 60, 24, 24)):
        make_clip(f"clips/{number}.mp4", frames=frames, pan=2)
    clips = tmp_path / "clips"
    assert track_here("track", clips, "-o", whole, *PLAIN) == 0
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    small = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80_000_000}
    cluster: Any = Cluster(initialize_head=True, head_node_args=small)
    try:
        monkeypatch.setenv("PYTHONPATH", f"{blind}:{tests}")
        monkeypatch.setenv("TMPDIR", str(kept))
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
        monkeypatch.undo()
        words: list[object] = ["track", clips, "-o", gathered, *PLAIN, f"--ray={cluster.address}"]

        refused = program(*words)
        assert refused.wait() == 2
        assert refused.stderr is not None
        assert "or gather them with --ray.gather" in refused.stderr.read()

        foreseen = program(*words, "--ray.gather", "--dry-run")
        told, complaint = foreseen.communicate()
        assert foreseen.returncode == 0, complaint
        assert "squares on cpu (a test), 2 workers on a cluster" in told
        assert "4 of 4 inputs have something to do: 132 frames" in told
        assert re.search(r"about 0:\d\d with 2 workers, and .* frames/s per worker and ", told)
        assert f"measured on {platform.node()} by tracking the first 24 frames of 0 in" in told
        assert not [*gathered.iterdir()]

        words.append("--ray.gather")
        job = program(*words, pause=0.1)
        wait_for(lambda: len([*kept.glob("posetube-run-*/runs/*/detections/part-*")]) > 2)
        cluster.remove_node(nodes[0], allow_graceful=False)
        told, complaint = job.communicate()

        assert job.returncode == 0, complaint
        assert "is gone (" in complaint
        assert results(gathered) == results(whole)
        assert {path.name for path in gathered.iterdir()} == {*"0123", "summary.csv"}
        assert f"-> {gathered / '3' / 'tracks.parquet'}" in told
        assert len([*kept.glob("posetube-run-*")]) <= 1  # of the machine that died

        words[3] = stopped = tmp_path / "gathered-too"  # hidden, for its name begins alike
        job = program(*words, pause=0.1)
        wait_for(lambda: len([*kept.glob("posetube-run-*/runs/*/detections/part-*")]) > 4)
        os.killpg(job.pid, signal.SIGINT)
        told, complaint = job.communicate()

        assert job.returncode == 130, complaint
        assert any((stopped / name / "detections").exists() for name in "0123")
        assert track_here("track", clips, "-o", stopped, *PLAIN) == 0
        assert results(stopped) == results(whole)
    finally:
        cluster.shutdown()


def test_without_ray_the_line_says_what_to_install(
    make_clip: ClipMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    assert main(["track", str(make_clip(frames=2)), "-o", str(tmp_path / "run"), "--ray"]) == 2
    assert '--ray needs Ray: pip install "posetube[ray]"' in capsys.readouterr().err


@pytest.mark.slow
def test_where_there_is_no_cluster_the_line_says_how_to_begin_one(
    make_clip: ClipMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("ray", reason=NEEDED)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))  # where a running one would be found

    assert main(["track", str(make_clip(frames=2)), "-o", str(tmp_path / "run"), "--ray"]) == 2
    assert "--ray: no cluster at auto (" in capsys.readouterr().err


def test_workers_take_as_many_cores_and_gpus_as_asked() -> None:
    machines = {"CPU": 32.0, "GPU": 4.0}

    assert _room(machines, RayConfig()) == 32
    assert _room(machines, RayConfig(cpus=3)) == 10
    assert _room(machines, RayConfig(gpus=1)) == 4
    assert _room(machines, RayConfig(gpus=0.25, cpus=2)) == 16
    assert _room(machines, RayConfig(gpus=0.3)) == 12
    assert _room(machines, RayConfig(gpus=2)) == 2
    with pytest.raises(InputError, match=r"4 GPUs, and a worker wants 1 and 8; see --ray.cpus"):
        _room(machines, RayConfig(gpus=8))
    with pytest.raises(InputError, match=r"the cluster has 0 cores"):
        _room({}, RayConfig())
    with pytest.raises(InputError, match=r"RayConfig.cpus must be 1 or more, got 0"):
        RayConfig(cpus=0)


def test_a_machine_that_does_not_share_the_disk_refuses(tmp_path: Path) -> None:
    def load() -> None:
        raise AssertionError("nothing is loaded")

    setup = WorkerSetup(load=load, threads=1)  # type: ignore[arg-type]
    worker = RemoteWorker(setup, str(tmp_path), str(tmp_path / "elsewhere" / "token"))

    [refusal] = worker.messages()
    assert isinstance(refusal, Refused)
    assert "does not see this folder; put results on a disk that all" in str(refusal.error)
