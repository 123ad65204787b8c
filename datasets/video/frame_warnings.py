"""Collects the warnings of one video: one line for each run of frames with the same problem."""

MAX_LINES = 200
"""Lines to keep; further warnings are only counted."""


class FrameWarnings:
    """Warnings of one video, as lines to print."""

    def __init__(self, label: str) -> None:
        """Start without warnings; every line begins with ``label``."""
        self.lines: list[str] = []
        """One line each: file, frame, time, problem."""
        self._label = label
        self._run: tuple[str, int, int, float] | None = None
        """Problem, first and last frame, and first time of the latest run of frames."""
        self._left_out = 0

    def add(self, problem: str) -> None:
        """Note a problem of the video as a whole."""
        self._run = None
        self._append(f"{self._label}: {problem}")

    def add_frame(self, index: int, time: float, problem: str) -> None:
        """Note a problem of one frame; extends the last line if it continues a run of frames."""
        if self._run and self._run[0] == problem and self._run[2] == index - 1 and self.lines:
            _, first, _, since = self._run
            if not self._left_out:
                self.lines[-1] = (
                    f"{self._label}: frames {first} to {index} ({since:.3f} s to {time:.3f} s): "
                    f"{problem}"
                )
        else:
            first, since = index, time
            self._append(f"{self._label}: frame {index} ({time:.3f} s): {problem}")
        self._run = (problem, first, index, since)

    def _append(self, line: str) -> None:
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)
            return
        self._left_out += 1
        self.lines[MAX_LINES - 1] = f"{self._label}: {self._left_out + 1} more warnings"
