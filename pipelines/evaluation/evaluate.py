"""Compare predictions with truth: two inputs and a protocol's name give an :class:`EvalReport`.

Not here: how each kind of protocol measures (``evaluate_tracking``, ``evaluate_boxes``,
``evaluate_people``, ``evaluate_pictures`` beside this file), the command
(:mod:`.evaluate_command`).
"""

from posetube.errors import InputError

from ...datasets.people import PeopleSource, holds_boxes_only
from ...tracker.metrics.protocols import PROTOCOLS
from ...tracker.metrics.report import EvalReport
from ..opened_people import open_people
from .evaluate_boxes import evaluate_boxes
from .evaluate_people import PEOPLE_PROTOCOLS, PckConfig, evaluate_people
from .evaluate_pictures import evaluate_coco
from .evaluate_tracking import EvaluateConfig, UpperBound, evaluate_tracks


def evaluate(
    predictions: PeopleSource,
    truth: PeopleSource,
    *,
    protocol: str = "clean",
    dataset: str | None = None,
    strict: bool = False,
    upper_bound: UpperBound = "none",
    events: bool = False,
    workers: int = 1,
    pck: PckConfig | None = None,
) -> EvalReport:
    """Compare predictions with truth.

    Args:
        predictions: A file, a folder or a run's directory, or tracks in memory; of any form that
            which :func:`..opened_people.open_people` knows, mixed too.
        truth: Likewise.
        protocol: By which rules; never mix numbers of two. Pose tracking: ``poseval``,
            ``poseval2017``, ``posetrack21``, ``clean``; pictures: ``coco``; single people:
            ``pck-penn``, ``pck-jhmdb``, ``pixels``. Boxes (MOTChallenge) are measured by ``clean``
            and ``posetrack21``.
        dataset: Which data set a folder of truth is, by its name on the command line (``bbc-pose``,
            ``flic`` ...); None: told by what lies there.
        strict: ``posetrack21`` only: repeat the published tool's defect.
        upper_bound: What is made perfect before it is measured.
        events: Keep every miss, false positive and switch.
        workers: Processes that read and measure sequences.
        pck: How PCK is measured.

    Raises:
        InputError: If an argument is wrong or an input is not there.
        FormatError: If a file is broken, or people cannot be compared; names file, frame, person.

    Examples:
        >>> report = evaluate("runs/clip", "clip.json", protocol="clean")   # doctest: +SKIP
        >>> print(report, report.total("mota"), report["ap"]["nose"])        # doctest: +SKIP
    """
    known = (*PROTOCOLS, "coco", *PEOPLE_PROTOCOLS)
    if protocol not in known:
        raise InputError(f"no protocol is called {protocol!r}; there are {', '.join(known)}")
    if protocol == "coco" or protocol in PEOPLE_PROTOCOLS:
        _refuse(protocol, strict=strict, events=events, upper_bound=upper_bound != "none")
    if protocol == "coco":
        _refuse(protocol, dataset=dataset is not None)
        return evaluate_coco(predictions, truth)
    if protocol in PEOPLE_PROTOCOLS:
        return evaluate_people(predictions, truth, protocol=protocol, dataset=dataset, config=pck)
    config = EvaluateConfig(
        protocol=protocol, strict=strict, upper_bound=upper_bound, events=events, workers=workers
    )
    if holds_boxes_only(open_people(truth, form=dataset)):
        return evaluate_boxes(predictions, truth, dataset=dataset, config=config)
    return evaluate_tracks(predictions, truth, dataset=dataset, config=config)


def _refuse(protocol: str, **given: bool) -> None:
    """Nothing that is asked for is left out in silence."""
    for option, asked in given.items():
        if asked:
            raise InputError(f"{option} does not go with the protocol {protocol}")
