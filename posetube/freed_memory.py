"""Gives the system back memory that was freed."""

import ctypes
import sys
from contextlib import suppress


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
