"""Compares predictions with truth: two inputs and a protocol give an :class:`EvalReport`.

Not here: the protocols (:mod:`.protocol_table`), the command (:mod:`.evaluate_command`).
"""

from dataclasses import replace

from ...datasets.annotated_video import Split
from ...datasets.people import PeopleSource
from ...tracker.metrics.coco import Kind
from ...tracker.metrics.report import EvalReport
from .evaluate_config import EvaluateConfig, PckConfig, UpperBound
from .evaluation_pairs import note_of_missing
from .protocol_table import find_evaluation


def evaluate(
    predictions: PeopleSource,
    truth: PeopleSource,
    *,
    protocol: str = "clean",
    dataset: str | None = None,
    split: Split = "",
    strict: bool = False,
    upper_bound: UpperBound = "none",
    events: bool = False,
    workers: int = 1,
    skip_missing: bool = False,
    pck: PckConfig | None = None,
    shape: Kind | None = None,
) -> EvalReport:
    """Compare predictions with truth.

    Args:
        predictions: A file, a folder or a run's directory, or tracks in memory; of any form that
            :func:`..opened_people.open_people_or_run` knows, mixed too.
        truth: Likewise.
        protocol: By which rules; never mix numbers of two. Pose tracking: ``poseval``,
            ``poseval2017``, ``posetrack21``, ``clean``; pictures: ``coco``; single people:
            ``pck-penn``, ``pck-jhmdb``, ``pixels``. Boxes (MOTChallenge) are measured by ``clean``
            and ``posetrack21``.
        dataset: Which data set or format the truth is, by its name on the command line
            (``bbc-pose``, ``flic``, ``csv`` ...); None: recognised.
        split: Which part of the truth, ``train``, ``val`` or ``test``; empty: the test part, of
            PoseTrack the part ``val`` if it is there.
        strict: ``posetrack21`` only: repeat the published tool's defect.
        upper_bound: What is made perfect before it is measured.
        events: Keep every miss, false positive and switch.
        workers: Processes that read and measure sequences.
        skip_missing: Leave out sequences of the truth that have no prediction; a note names them.
        pck: How PCK is measured.
        shape: ``coco`` only: what is compared, ``keypoints``, ``bbox`` or ``segm`` (masks); None:
            joints, or else masks, or else boxes.

    Raises:
        InputError: If an argument is wrong or an input is not there.
        FormatError: If a file is broken, or people cannot be compared; names file, frame, person.

    Examples:
        >>> report = evaluate("runs/clip", "clip.json", protocol="clean")   # doctest: +SKIP
        >>> print(report, report.total("mota"), report["ap"]["nose"])        # doctest: +SKIP
    """
    config = EvaluateConfig(
        protocol=protocol,
        dataset=dataset,
        split=split,
        strict=strict,
        upper_bound=upper_bound,
        events=events,
        workers=workers,
        skip_missing=skip_missing,
        pck=pck,
        shape=shape,
    )
    report = find_evaluation(config).run(predictions, truth, config)
    if not skip_missing:
        return report
    note = note_of_missing(predictions, truth, config)
    return replace(report, notes=(*note, *report.notes))
