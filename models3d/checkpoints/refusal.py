"""Turns whatever a weights file makes go wrong into one line that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from posetube.errors import WeightsError
from posetube.shortage import raise_shortage


@contextmanager
def refused(source: object, problem: str) -> Iterator[None]:
    """Blame a file for every error of the block, which works with nothing but the file's content.

    Args:
        source: The file.
        problem: What is wrong with it; the error's first line follows.

    Raises:
        WeightsError: If the block raises anything.
        ResourceError: If memory or file handles ran out, which no file is to blame for.
    """
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:  # names, shapes and numbers can be wrong in any way
        raise_shortage(error)
        reason = f"{error}".strip().partition("\n")[0] or type(error).__name__
        raise WeightsError(f"{source}: {problem}: {reason}") from error
