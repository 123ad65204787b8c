"""Shows frames in a window while they are drawn, at the video's own pace where that is possible.

Tk comes with Python, so that no library with a screen of its own is needed.
"""

from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import cv2

from posetube.errors import InputError
from posetube.structures import ByteArray

TALLEST = 900
"""Rows of the window; larger pictures are shown smaller."""


def shown(
    frames: Iterator[tuple[ByteArray, float]], *, title: str
) -> Iterator[tuple[ByteArray, float]]:
    """Pass frames on and show each; ends when the window is closed.

    Raises:
        InputError: If there is no screen, or this Python has no Tk.
    """
    window = _Window(title)
    begun: tuple[float, float] | None = None
    for picture, time in frames:
        begun = begun or (monotonic(), time)
        sleep(max(0.0, time - begun[1] - (monotonic() - begun[0])))
        if not window.show(picture):
            return
        yield picture, time
    window.close()


class _Window:
    def __init__(self, title: str) -> None:
        try:
            import tkinter
        except ImportError:
            raise InputError(
                "--show needs Tk, which this Python lacks (Debian: apt install python3-tk)"
            ) from None
        self._tk: Any = tkinter
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError:
            raise InputError("--show needs a screen, and there is none here") from None
        self._root.title(title)
        self._label = tkinter.Label(self._root)
        self._label.pack()

    def show(self, picture: ByteArray) -> bool:
        """Show a picture; whether the window is still open."""
        scale = min(1.0, TALLEST / picture.shape[0])
        small = picture if scale == 1 else cv2.resize(picture, None, fx=scale, fy=scale)
        data = cv2.imencode(".ppm", small[..., ::-1])[1].tobytes()
        try:
            image = self._tk.PhotoImage(data=data, format="ppm", master=self._root)
            self._label.configure(image=image)
            self._kept = image  # Tk holds no reference of its own
            self._root.update()
        except self._tk.TclError:
            return False
        return True

    def close(self) -> None:
        with suppress(self._tk.TclError):
            self._root.destroy()
