"""Damaged files: a few mutations of each reader's; benchmarks/fuzz_readers.py makes thousands."""

import importlib
import signal
import warnings
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def _load() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return importlib.import_module("benchmarks.fuzz_readers")


FUZZ = _load()
TARGETS = FUZZ.targets()
NEEDS = {
    "mpii hdf5": "h5py",
    "deeplabcut hdf5": "h5py",
    "human36m cdf": "cdflib",
    "format slp": "sleap_io",
    "format sleap-analysis": "sleap_io",
    "format nwb": "sleap_io",
}
SLOW = {"human36m cdf": 20, "format slp": 20, "format sleap-analysis": 10, "format nwb": 8}
"""How often the readers are tried whose libraries are slow."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in TARGETS],
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    count = SLOW.get(name, 15 if name.startswith("video") else 60)
    previous = signal.signal(signal.SIGALRM, FUZZ._alarm)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb's, of its own use of hdmf
        outcomes, bad = FUZZ.attack(TARGETS[name], count=count, seed=1)
    signal.signal(signal.SIGALRM, previous)

    assert set(outcomes) <= FUZZ.GOOD, bad
    assert outcomes["refused"] or name.startswith("video")  # most damaged videos are read
