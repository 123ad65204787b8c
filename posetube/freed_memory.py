"""Keeps small what the C library holds of memory that was freed."""

import ctypes
import sys
from contextlib import suppress

ARENAS_AT_MOST = -8
"""``M_ARENA_MAX`` of glibc's ``mallopt``."""


def share_freed_memory() -> None:
    """Let all threads take memory from one place; to be asked for before there are any.

    Otherwise the C library keeps, for every thread by itself, what the thread has freed. It is a
    matter of the whole process, so only a program may ask. Elsewhere than on Linux with glibc
    nothing happens.
    """
    if sys.platform != "linux":
        return
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(ARENAS_AT_MOST, 1)


def return_freed_memory() -> None:
    """Give the system back what the C library keeps of it.

    Whoever frees much at once asks for it: a program's largest size is what people see, and the C
    library keeps whatever lies between things that are still in use. Elsewhere than on Linux with
    glibc nothing happens.
    """
    if sys.platform != "linux":
        return
    # musl has no such function, and a static program no library to look it up in
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
