"""Recognises that memory, the disk or file handles ran out, in whatever way a library says so.

Such an error says nothing of the file that was being read or written: whoever turns errors into
"this file is damaged" lets these through first (:func:`raise_shortage`).
"""

import errno
import mmap
import re

from posetube.errors import PoseTubeError, ResourceError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk that takes no more: it is full, or a quota or a limit is reached."""

NO_HANDLES = (errno.EMFILE, errno.ENFILE)

NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|insufficient memory|out of memory|bad.?alloc"
    r"|failed to (?:allocate|map segment)|can't start new thread|unable to allocate",
    re.IGNORECASE,
)
"""What torch, ONNX Runtime, OpenCV, NumPy, Arrow, FFmpeg, Python and the dynamic linker say."""

RESERVE = 1 << 28
"""Bytes that must be left for an error that gives no reason to have another one than memory."""

OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust pass on an error number."""


def shortage_of(error: BaseException) -> ResourceError | None:
    """The error as a shortage, with a line that says what to do; None if it is something else."""
    if isinstance(error, PoseTubeError):
        return error if isinstance(error, ResourceError) else None
    number = _number(error)
    where = f" at {error.filename}" if isinstance(error, OSError) and error.filename else ""
    if number in NO_SPACE:
        what = "file size limit reached" if number == errno.EFBIG else "disk full"
        return ResourceError(f"{what}{where}; make room and run the same line again, it goes on")
    if number in NO_HANDLES:
        return ResourceError(
            f"too many open files{where}; raise the limit (ulimit -n) and run the same line again, "
            "it goes on"
        )
    if number == errno.ENOMEM or _is_memory(error):
        return ResourceError(
            "memory ran out; close other programs, raise the limit (ulimit -v), or choose a "
            "smaller --model, and run the same line again, it goes on"
        )
    return None


def raise_shortage(error: BaseException) -> None:
    """Raise an error as what it is, if it is a shortage.

    Raises:
        ResourceError: If so.
    """
    if (shortage := shortage_of(error)) is not None:
        raise shortage from error


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = OS_ERROR.search(str(error))
    return int(told[1]) if told else None


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    # errors of values and keys quote what a file holds, and a file may hold these words
    says = isinstance(error, RuntimeError | ImportError | SystemError | OSError)
    native = type(error).__module__.startswith(("cv2", "onnxruntime"))
    return (says or native) and NO_MEMORY.search(str(error)) is not None


def require_memory(size: int) -> None:
    """Make sure that so much memory can be had, without taking it.

    Args:
        size: Bytes.

    Raises:
        ResourceError: If it cannot.
    """
    try:
        mmap.mmap(-1, size).close()
    except OSError as error:
        raise_shortage(error)
        raise
