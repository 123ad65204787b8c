"""``posetube doctor``: shows what is installed and what this machine can do, and tries it out."""

import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from posetube.errors import MediaError

from ..datasets.synthetic import SceneConfig, generate
from ..datasets.video.writer import VideoWriter
from ..models3d.checkpoints.model_files import weights_file
from ..models3d.runtimes.choice import choose_runtime
from .api.track import track
from .failures import COMPLETE, explain
from .settings import OverlayConfig
from .storage.manifest import library_versions

DECODERS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg")
MIN_FREE = 1 << 30
"""Bytes of disk below which a run is likely to end early."""


def doctor() -> int:
    """Check versions, devices, codecs and disk, and track a two-second clip from end to end."""
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("versions", _versions),
        ("device", _devices),
        ("codecs", _codecs),
        ("disk", _disk),
        ("trial", _trial),
    )
    codes = [_check(name, check) for name, check in checks]
    return max(codes)


def _check(name: str, check: Callable[[], str]) -> int:
    try:
        line, code = f"ok    {name:9s} {check()}", COMPLETE
    except Exception as error:
        failure = explain(error)
        line, code = f"FAIL  {name:9s} {failure.line}", failure.exit_code
    print(line, flush=True)  # noqa: T201
    return code


def _versions() -> str:
    listed = ", ".join(f"{name} {number}" for name, number in library_versions().items())
    return f"{listed}, {platform.system()} {platform.machine()}"


def _devices() -> str:
    chosen = choose_runtime("auto", device="auto", weights=weights_file("tiny"))
    return f"auto runs tiny by {chosen.runtime} on {chosen.device.name} ({chosen.device.reason})"


def _codecs() -> str:
    import av

    if "libx264" not in av.codecs_available:
        raise MediaError("PyAV has no H.264 encoder (libx264); pip install --force-reinstall av")
    absent = [name for name in DECODERS if name not in av.codecs_available]
    there = [name for name in DECODERS if name not in absent]
    lacks = f"; absent: {', '.join(absent)}" if absent else ""
    return f"writes H.264; reads {', '.join(there)}{lacks}"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free
    low = " (low: an hour of video takes about 0.5 GB)" if free < MIN_FREE else ""
    return f"{free / 1e9:.1f} GB free in {Path.cwd()}{low}"


def _trial() -> str:
    with TemporaryDirectory(prefix="posetube-") as folder:
        path = Path(folder) / "trial.mp4"
        _write_trial(path)
        began = time.monotonic()
        out = Path(folder) / "run"
        tracks = track(path, out=out, overlay=OverlayConfig())
        spent = time.monotonic() - began
        size = (out / "overlay.mp4").stat().st_size
    return (
        f"2 s of video, {len(tracks.frames)} frames tracked and drawn in {spent:.1f} s, "
        f"{len(tracks)} people; overlay {size / 1e3:.0f} kB"
    )


def _write_trial(path: Path) -> None:
    config = SceneConfig(people=2, seconds=2.0, rate=5.0, size=(180, 320))
    with VideoWriter(path, size=config.size, rate=config.rate) as writer:
        for frame in generate(config, seed=0).frames():
            writer.write(frame.image, frame.time)
