"""Turns an error into what the caller of a command sees: an exit code and one line.

Exit codes: 0 all complete, 1 a bug of ours, 2 wrong usage, 3 finished with marked problems,
4 some inputs failed, 5 input missing or unreadable, 6 weights, 7 disk or memory ran out,
130 interrupted, 141 whoever read the output has stopped reading (as a program that SIGPIPE ends).
The codes of our own errors are given with their classes in :mod:`posetube.errors`.
"""

import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from posetube.errors import InputError, MissingFileError, PoseTubeError, ResourceError
from posetube.file_names import printable, readable
from posetube.shortage import RESERVE, require_memory, shortage_of

COMPLETE: Final = 0
BUG: Final = 1
MARKED_PROBLEMS: Final = 3
SOME_FAILED: Final = 4
INTERRUPTED: Final = 130
NOBODY_READS: Final = 141

START, END = 1200, 300
"""Characters of a very long line that stay."""


class Interrupted(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM, and everything worth keeping has been written."""

    def __init__(self, message: str, *, again: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.again = again
        """The words after ``posetube`` that go on with it; none: those of this process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An error, as the person before the terminal is to see it."""

    exit_code: int
    """See the module's list."""

    line: str
    """What went wrong and what to do, in one line."""


def explain(error: BaseException, *, logs: Path | None = None) -> Failure:
    """Turn any error into an exit code and a line; an unexpected one has its traceback saved.

    Args:
        error: What was raised.
        logs: Folder of our own for the traceback of an unexpected error; None: a new file in the
            system's temporary folder.
    """
    if isinstance(error, PoseTubeError):
        return Failure(exit_code=error.exit_code, line=one_line(error))
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return Failure(exit_code=INTERRUPTED, line=one_line(error) or "interrupted")
    if (shortage := shortage_of(error)) is not None:
        return Failure(exit_code=shortage.exit_code, line=one_line(shortage))
    if isinstance(error, UnicodeEncodeError) and (name := _undecodable(error.object)):
        line = f"{name}: not UTF-8, which a library needs here; give it another name"
        return Failure(exit_code=InputError.exit_code, line=line)
    if isinstance(error, OSError) and error.filename is not None:
        kind = MissingFileError if isinstance(error, FileNotFoundError) else InputError
        line = f"{error.strerror} at {error.filename}"
        return Failure(exit_code=kind.exit_code, line=line)
    try:
        require_memory(RESERVE)
    except ResourceError as full:
        return Failure(exit_code=full.exit_code, line=one_line(full))
    return _bug(error, logs)


def one_line(error: BaseException) -> str:
    """An error's message without line breaks, and with control characters escaped.

    Messages quote names from files; a terminal would obey the escape sequences in them, and a name
    may be as long as its file. Of a very long line, the start and the end stay.
    """
    line = printable(" ".join(str(error).split()))
    return line if len(line) <= START + END else f"{line[:START]} ... {line[-END:]}"


def _undecodable(text: str) -> str:
    """The file name in a text whose bytes are not UTF-8; empty where there is none."""
    names = (word for word in text.split("\n") if any("\udc80" <= c <= "\udcff" for c in word))
    return readable(next(names, "")[:200])


def _bug(error: BaseException, logs: Path | None) -> Failure:
    try:
        path = _log_file(logs)
        text = "".join(traceback.format_exception(error))
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        where = f"the details are in {path}"
    except OSError:
        where = "the details could not be saved"
    kind = type(error).__name__
    return Failure(
        exit_code=BUG, line=f"unexpected {kind}: {one_line(error)}. This is our fault; {where}"
    )


def _log_file(logs: Path | None) -> Path:
    """A file for a traceback; one of a new name, which nobody can foresee, in a shared folder."""
    if logs is None:
        number, name = mkstemp(prefix="posetube-error-", suffix=".log")
        os.close(number)
        return Path(name)
    logs.mkdir(parents=True, exist_ok=True)
    return logs / "posetube-error.log"
