import errno
import os

import cv2
import pyarrow as pa
import pytest

from posetube.errors import InputError, ResourceError
from posetube.shortage import raise_shortage, require_memory, shortage_of


def system_error(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "memory ran out"),
        (pa.ArrowMemoryError("malloc of size 7 failed"), "memory ran out"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate"),
            None,
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            "memory ran out",
        ),
        (RuntimeError("std::bad_alloc"), "memory ran out"),
        (RuntimeError("can't start new thread"), "memory ran out"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "memory ran out"),
        (cv2.error("alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 3"), "memory"),
        (system_error(errno.ENOMEM), "memory ran out"),
        (Exception("I/O error: No space left on device (os error 28)"), "disk full;"),
        (system_error(errno.ENOSPC, "/data/x"), "disk full at /data/x;"),
        (system_error(errno.EFBIG, "/data/x"), "file size limit reached at /data/x;"),
        (system_error(errno.EMFILE, "/data/x"), "too many open files at /data/x; raise the limit"),
        (system_error(errno.ENFILE), "too many open files; raise the limit (ulimit -n)"),
        (ResourceError("full"), "full"),
        (InputError("out of memory.mp4: no such file"), None),
        (ValueError("a file says: out of memory"), None),
        (system_error(errno.EACCES, "/data"), None),
    ],
)
def test_a_shortage_is_told_from_other_errors(error: Exception, line: str | None) -> None:
    found = shortage_of(error)

    assert (found is None) == (line is None)
    if line is not None:
        assert str(found).startswith(line)
        with pytest.raises(ResourceError):
            raise_shortage(error)


def test_memory_that_there_is_not_is_refused_before_it_is_needed() -> None:
    require_memory(1 << 20)
    with pytest.raises(ResourceError, match=r"memory ran out; .* raise the limit \(ulimit -v\)"):
        require_memory(1 << 60)
