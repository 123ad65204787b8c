"""Damaged files: a few mutations of each reader's; benchmarks/fuzz_readers.py makes thousands."""

import importlib.util
import signal
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "fuzz_readers", ROOT / "benchmarks" / "fuzz_readers.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FUZZ = _load()
NEEDS = {"mpii hdf5": "h5py", "format slp": "sleap_io", "format nwb": "sleap_io"}
SLOW = {"format slp": 4, "format nwb": 2}
"""How often the readers are tried whose libraries are slow."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in FUZZ.targets()],
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(name: str) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    write, read = FUZZ.targets()[name]
    previous = signal.signal(signal.SIGALRM, FUZZ._alarm)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb's, of its own use of hdmf
        outcomes, bad = FUZZ.attack(write, read, count=SLOW.get(name, 60), seed=1)
    signal.signal(signal.SIGALRM, previous)

    assert set(outcomes) <= {"read", "refused"}, bad
    assert outcomes["refused"]
