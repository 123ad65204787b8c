"""A file of thresholds: ``posetube evaluate --tune`` writes it, ``posetube export`` cuts by it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..tracker.thresholds import ThresholdConfig
from .training.toml_config import read_config

Measure = Literal["mota", "ap"]
"""What thresholds are chosen for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TunedThresholds:
    """The best thresholds for each measure."""

    mota: ThresholdConfig
    """For MOTA, which counts every false joint."""

    ap: ThresholdConfig
    """For average precision, which ranks joints by score."""


def read_thresholds(path: Path, measure: Measure) -> ThresholdConfig:
    """The thresholds for one measure.

    Raises:
        MissingFileError: If there is no such file.
        InputError: If a key is unknown or a value out of range.
        FormatError: If it is no TOML.
    """
    found: ThresholdConfig = getattr(read_config(path, TunedThresholds), measure)
    return found


def thresholds_text(thresholds: TunedThresholds, *, about: str) -> str:
    """The file's text; ``about`` is a line on where they come from."""
    lines = [f"# {about}"]
    for measure in ("mota", "ap"):
        one: ThresholdConfig = getattr(thresholds, measure)
        lines += ["", f"[{measure}]"]
        lines += [f"min_joint = {one.min_joint:g}", f"min_track = {one.min_track:g}"]
    return "\n".join(lines) + "\n"
