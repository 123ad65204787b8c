"""Gives the system back memory that was freed."""

import ctypes
import sys


def return_freed_memory() -> None:
    """Give the system back what the C library keeps of it.

    Whoever frees much at once asks for it: a program's largest size is what people see, and the C
    library keeps whatever lies between things that are still in use. Elsewhere than on Linux with
    glibc nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
