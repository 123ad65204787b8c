"""What many tests share: where the real data lies, random state that does not leak, and examples
without a deadline."""

import gc
import importlib
import os
import random
from collections.abc import Generator, Iterator
from pathlib import Path

# tests run side by side (pyproject.toml): threads of one would only wait for those of another.
# NumPy, PyTorch and OpenCV look at this when they are first imported, so it comes before them
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

import numpy as np
import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# benchmarks are not installed; to keep the checkout on the import path would hide other packages
with pytest.MonkeyPatch.context() as _patch:
    _patch.syspath_prepend(str(ROOT))
    importlib.import_module("benchmarks")

# an example that other programs keep waiting has not failed
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what is imported: it stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT.parent / "shared" / default))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; set {variable} to the folder with this data")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real videos, pictures and annotations."""
    return _folder("POSETUBE_SAMPLES", "samples")


@pytest.fixture(scope="session")
def training() -> Path:
    """Pictures and starting weights for the embedded model."""
    return _folder("POSETUBE_TRAINING", "training")


@pytest.fixture(scope="session")
def faults() -> Path:
    """Inputs on which earlier versions failed, a folder with a README for each kind."""
    return _folder("POSETUBE_FAULTS", "faults")


@pytest.fixture(autouse=True)
def _restore_random_state() -> Iterator[None]:
    state, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    random.setstate(state)
    np.random.set_state(legacy)  # noqa: NPY002
