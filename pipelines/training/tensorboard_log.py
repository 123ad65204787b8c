"""``tensorboard`` in a training run's folder: its numbers and pictures for TensorBoard.

TensorBoard is the extra ``tensorboard``. Its file is written anew whenever a run begins or goes on,
from ``metrics.jsonl`` and ``predictions``, so that it never says more or less than these.
"""

from pathlib import Path
from typing import Any

import cv2

from posetube.optional_library import optional_library

from .prediction_files import kept_predictions
from .training_metrics import read_metrics

FOLDER = "tensorboard"


def check_tensorboard() -> None:
    """Refuse to begin where the extra is missing.

    Raises:
        MissingExtraError: If TensorBoard is not installed.
    """
    optional_library("tensorboard", purpose="tensorboard = true", install="posetube[tensorboard]")


class TensorBoardLog:
    """The file of a run, with what the run's folder holds already."""

    def __init__(self, folder: Path) -> None:
        """Begin it.

        Raises:
            MissingExtraError: If TensorBoard is not installed.
        """
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        for old in (folder / FOLDER).glob("events.out.tfevents.*"):
            old.unlink()
        self._run = folder
        # a TensorBoard that is looking drops what it knows from step 0 on
        self._writer: Any = SummaryWriter(str(folder / FOLDER), purge_step=0)
        for record in read_metrics(folder):
            self.add_numbers(record)
        for step in kept_predictions(folder):
            self.add_pictures(step)

    def add_numbers(self, record: dict[str, Any]) -> None:
        """Those of a line of metrics, each under its ``step``."""
        for name, value in record.items():
            if name != "step":
                self._writer.add_scalar(name, value, record["step"])
        self._writer.flush()

    def add_pictures(self, step: int) -> None:
        """Those in the run's folder that were drawn after so many steps."""
        for name, path in kept_predictions(self._run).get(step, {}).items():
            image = cv2.imread(str(path))
            if image is not None:
                tag = f"predictions/{name}"
                self._writer.add_image(tag, image[..., ::-1].copy(), step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
