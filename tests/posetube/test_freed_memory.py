"""Freed memory goes back to the system."""

import ctypes
import re
import subprocess
import sys

import pytest

from posetube.freed_memory import return_freed_memory, share_freed_memory

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
    share_freed_memory()


THREADS = """
import ctypes, os, sys
from pathlib import Path
from threading import Thread
from posetube.freed_memory import share_freed_memory

if sys.argv[1] == "shared":
    share_freed_memory()
taken = ctypes.CDLL(None).malloc
taken.restype = ctypes.c_void_p
places = [ctypes.c_void_p(0) for _ in range(2)]

def take(number):
    places[number] = taken(1000)

for number in range(2):
    thread = Thread(target=take, args=(number,))
    thread.start()
    thread.join()
[heap] = [line.split()[0] for line in Path("/proc/self/maps").open() if line.endswith("[heap]\\n")]
first, last = (int(end, 16) for end in heap.split("-"))
print(all(first <= place < last for place in places))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
@pytest.mark.parametrize("how", ["shared", "apart"])
def test_threads_take_memory_from_the_programs_own_heap(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", THREADS, how], check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == str(how == "shared")
