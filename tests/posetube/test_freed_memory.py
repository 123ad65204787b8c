"""Freed memory goes back to the system."""

import ctypes
import re
import subprocess
import sys

import pytest

from posetube.freed_memory import return_freed_memory

PROGRAM = """
import re
from pathlib import Path
from posetube.freed_memory import return_freed_memory

def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before = own()
pieces = [bytearray(b"x" * 5000) for _ in range(10_000)]
last = pieces[-1]
taken = own() - before
del pieces
return_freed_memory()
print(taken, own() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_what_lies_below_something_in_use_goes_back_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
    )
    taken, left = map(float, re.findall(r"[\d.]+", done.stdout))

    assert taken > 45  # MB
    assert left < 10


@pytest.mark.parametrize("missing", [AttributeError, OSError])
def test_where_there_is_no_such_function_nothing_happens(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: None) -> None:
        raise missing

    monkeypatch.setattr(ctypes, "CDLL", fail)
    return_freed_memory()
