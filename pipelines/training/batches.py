"""What a training step is fed, and how it is prepared ahead: a pure function of seed and step.

So a run that was stopped goes on with the very batches it would have had, whatever the number of
threads. Not here: where batches come from (:mod:`.picture_batches`, :mod:`.clip_batches`).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posetube.structures import ByteArray

if TYPE_CHECKING:
    from ...models3d.training.targets import TubeTruth

Size = tuple[int, int]
"""Height and width, pixels."""

MULTIPLE = 32
"""Heights and widths of a batch's pictures are multiples of this, pixels."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B clips of one size and length, with their truth."""

    images: ByteArray
    """(B, T, H, W, 3) RGB."""

    truth: "tuple[TubeTruth, ...]"
    """B, of the same T."""


def ahead(
    batch: Callable[[int], Batch], start: int, stop: int, *, threads: int = 1, depth: int = 4
) -> Iterator[Batch]:
    """The batches of steps ``start`` to ``stop``, up to ``depth`` of them prepared ahead."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(batch, step) for step in range(start, min(start + depth, stop))]
        for step in range(start, stop):
            ready = waiting.pop(0)
            if step + depth < stop:
                waiting.append(pool.submit(batch, step + depth))
            yield ready.result()
