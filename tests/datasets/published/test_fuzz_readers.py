"""Damaged files: a few mutations of each reader's; benchmarks/fuzz_readers.py makes thousands."""

import signal
import warnings

import pytest

from benchmarks import fuzz_files, fuzz_readers

TARGETS = fuzz_files.targets()
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
    previous = signal.signal(signal.SIGALRM, fuzz_readers._alarm)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb's, of its own use of hdmf
        outcomes, bad = fuzz_readers.attack(TARGETS[name], count=count, seed=1)
    signal.signal(signal.SIGALRM, previous)

    assert set(outcomes) <= fuzz_readers.GOOD, bad
    assert outcomes["refused"] or name.startswith("video")  # most damaged videos are read
