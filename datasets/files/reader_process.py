"""Runs a reader in a process of its own, for libraries that a damaged file can hang or crash.

The process reads one file after the other and is started anew after one that it did not survive; it
ends with the object that started it. A copy of that object in another process starts its own.
Below Python there is no other way to end a library that runs on for ever, nor to outlive one that
writes where it must not.

Not here: what is read (:mod:`posetube.datasets.formats.sleap`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import IO, Any, Self

from posetube.errors import FormatError, PoseTubeError

START_SECONDS = 120.0
"""The libraries take seconds to import, and longer on a busy machine."""

MAX_BYTES = 1 << 30
"""Memory that the process may fill with data, where the system can enforce it."""

SERVE = f"import sys; from {__name__} import serve; serve(*sys.argv[1:])"


class ReaderProcess:
    """Runs ``function(path, copy)`` of a module, which reads a file and writes what it found."""

    def __init__(self, module: str, function: str, *, preload: Sequence[str] = ()) -> None:
        """Start nothing yet.

        Args:
            module: Where the function is.
            function: Its name.
            preload: Modules to import before the time of the first file starts.
        """
        # -P: modules that lie in the working folder, beside the data, must not be taken for ours
        self._command = [sys.executable, "-P", "-c", SERVE, module, function, *preload]
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_process": None}

    def __del__(self) -> None:
        # where Python itself ends, modules are gone, and the process sees its input end
        if os is not None and self._owner == os.getpid():
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def run(self, path: Path, copy: Path, *, seconds: float) -> None:
        """Have a file read and what was found written to ``copy``.

        Args:
            path: The file.
            copy: File that the function writes.
            seconds: Time that this may take; starting the process does not count.

        Raises:
            FormatError: If the function fails, takes longer, or the process does not survive it.
        """
        if self._process is None or self._owner != os.getpid():
            self._start(path)
        answer = self._answer([str(path), str(copy)], seconds=seconds)
        if answer is None:
            raise FormatError(f"{path}: it has not been read in {seconds:g} s; refused")
        if not answer:
            raise FormatError(f"{path}: the library that reads it crashed; the file is damaged")
        ours, what = json.loads(answer)
        if what:
            raise FormatError(what if ours else f"{path}: not a sound file: {what}")

    def _start(self, path: Path) -> None:
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self._owner = os.getpid()
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=nowhere)
        if not self._answer(None, seconds=START_SECONDS):
            raise FormatError(f"{path}: the process that should read it did not start")

    def _answer(self, request: list[str] | None, *, seconds: float) -> bytes | None:
        """A line of the process; empty where it has ended, None where it had to be ended."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        timer = Timer(seconds, process.kill)
        timer.start()
        try:
            if request is not None:
                process.stdin.write(json.dumps(request).encode() + b"\n")  # any name, as ASCII
                process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        except BaseException:  # interrupted: an answer to come would be taken for the next one
            timer.cancel()
            self.close()
            raise
        late = not timer.is_alive()
        timer.cancel()
        if not line:
            self.close()
        return None if late and not line else line


def serve(module: str, function: str, *preload: str) -> None:
    """What the process does: answer each line of standard input, two paths, with a line."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    run = getattr(import_module(module), function)
    for name in preload:
        import_module(name)
    _limit_memory()
    _say(answers, True, "")
    for line in sys.stdin.buffer:
        path, copy = map(Path, json.loads(line))
        try:
            run(path, copy)
            _say(answers, True, "")
        except PoseTubeError as error:
            _say(answers, True, str(error))
        except Exception as error:  # a damaged file fails in any way that a library can fail
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            _say(answers, False, reason[:200])


def _say(answers: IO[bytes], ours: bool, what: str) -> None:
    answers.write(json.dumps((ours, what)).encode() + b"\n")
    answers.flush()


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))
