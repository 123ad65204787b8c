"""Keeps the pictures of a source that can be read only once until their people are linked."""

from collections import deque
from collections.abc import Iterable, Iterator

from posetube.structures import Frame


class KeptPictures:
    """Hands frames on to the network and keeps them for refiners, which ask for them later."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = frames
        self._kept: deque[Frame] = deque()

    def passing(self) -> Iterator[Frame]:
        """The frames, for who looks at them first."""
        for frame in self._frames:
            self._kept.append(frame)
            yield frame

    def again(self) -> Iterator[Frame]:
        """The same frames, for who comes behind; each is forgotten then."""
        while self._kept:
            yield self._kept.popleft()
