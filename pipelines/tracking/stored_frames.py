"""Passes frames that the disk holds on to linking, while other frames are still to be found.

Nobody waits for a network here: the time is linking's, it is linking that tells how far it is, and
it can stop after any frame, because nothing is lost.
"""

from collections.abc import Iterator, Sequence

from posetube.structures import DetectedFrame

from ..storage.detections_store import frames_of, open_part, part_path
from ..storage.recorder import Recorder


def stored_frames(
    record: Recorder, numbers: Sequence[int], *, joints: int, total: int
) -> Iterator[DetectedFrame]:
    """Read parts of a run.

    Args:
        record: The run.
        numbers: Of the parts, in order.
        joints: K, number of joints.
        total: How many frames they hold.

    Yields:
        Their frames, without heatmaps.

    Raises:
        Interrupted: If somebody asked to stop.
        FormatError: If a part cannot be read.
    """
    with record.timed("link"):
        record.begin(total=total)
        done = 0
        for number in numbers:
            part = open_part(part_path(record.run.detections, number))
            for frame in frames_of(part, joints=joints):
                yield frame
                done += 1
                record.progress(done)
                record.interrupt.check()
