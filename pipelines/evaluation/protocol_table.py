"""Lists every protocol by which predictions are compared with truth, and what runs it.

A new protocol is one file that measures and one row of :data:`EVALUATIONS`; another set of rules
for pose tracking is one row of :data:`posetube.tracker.metrics.protocols.PROTOCOLS`.

Not here: how each kind measures (``evaluate_tracking``, ``evaluate_boxes``, ``evaluate_people``,
``evaluate_pictures`` beside this file).
"""

from collections.abc import Callable
from dataclasses import dataclass

from posetube.errors import InputError

from ...datasets.people import PeopleSource, holds_boxes_only
from ...tracker.metrics.protocols import PROTOCOLS
from ...tracker.metrics.report import EvalReport
from ..opened_people import open_people_or_run
from .evaluate_boxes import evaluate_boxes
from .evaluate_people import PEOPLE_PROTOCOLS, PckConfig, evaluate_people
from .evaluate_pictures import evaluate_coco
from .evaluate_tracking import EvaluateConfig, UpperBound, evaluate_tracks


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What may be asked of an evaluation besides the two sides."""

    protocol: str
    """Name of the protocol."""

    dataset: str | None = None
    """Which data set or format the truth is; None: recognised."""

    strict: bool = False
    """Repeat a published tool's defect."""

    upper_bound: UpperBound = "none"
    """What is made perfect before it is measured."""

    events: bool = False
    """Keep every miss, false positive and switch."""

    workers: int = 1
    """Processes that read and measure videos."""

    pck: PckConfig | None = None
    """How PCK is measured."""


Evaluator = Callable[[PeopleSource, PeopleSource, EvaluateOptions], EvalReport]
"""Compares predictions with truth."""


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """One protocol, as the command line and the documentation know it."""

    name: str
    """What is printed with every number."""

    counts: str
    """What counts, for the user."""

    run: Evaluator
    """Compares the two sides."""

    refuses: tuple[str, ...] = ()
    """Options that do not go with it."""

    is_drawn: bool = True
    """Whether there are plots of what it measures."""


def _poses_or_boxes(
    predictions: PeopleSource, truth: PeopleSource, options: EvaluateOptions
) -> EvalReport:
    """Truth without joints is measured on boxes."""
    config = EvaluateConfig(
        protocol=options.protocol,
        strict=options.strict,
        upper_bound=options.upper_bound,
        events=options.events,
        workers=options.workers,
    )
    # Opened once for both: a single file is read to see whether anybody in it has joints.
    labelled = open_people_or_run(truth, form=options.dataset)
    evaluate = evaluate_boxes if holds_boxes_only(labelled) else evaluate_tracks
    return evaluate(predictions, labelled, config=config)


def _pictures(
    predictions: PeopleSource, truth: PeopleSource, options: EvaluateOptions
) -> EvalReport:
    return evaluate_coco(predictions, truth)


def _people(predictions: PeopleSource, truth: PeopleSource, options: EvaluateOptions) -> EvalReport:
    return evaluate_people(
        predictions,
        truth,
        protocol=options.protocol,
        dataset=options.dataset,
        config=options.pck,
    )


OF_TRACKS = ("strict", "events", "upper_bound")
"""Options that make sense where people are followed over time."""

EVALUATIONS: tuple[EvaluationProtocol, ...] = (
    *(
        EvaluationProtocol(name=name, counts=rules.counts, run=_poses_or_boxes)
        for name, rules in PROTOCOLS.items()
    ),
    EvaluationProtocol(
        name="coco",
        counts="AP and AR of joints, boxes or masks by pycocotools",
        run=_pictures,
        refuses=(*OF_TRACKS, "dataset"),
        is_drawn=False,
    ),
    *(
        EvaluationProtocol(name=rules.name, counts=rules.counts, run=_people, refuses=OF_TRACKS)
        for rules in PEOPLE_PROTOCOLS
    ),
)
"""Every protocol."""

PROTOCOL_NAMES = tuple(protocol.name for protocol in EVALUATIONS)


def find_evaluation(options: EvaluateOptions) -> EvaluationProtocol:
    """The protocol that is asked for.

    Raises:
        InputError: If there is none of the name, or an option does not go with it.
    """
    found = next((p for p in EVALUATIONS if p.name == options.protocol), None)
    if found is None:
        raise InputError(
            f"no protocol is called {options.protocol!r}; there are {', '.join(PROTOCOL_NAMES)}"
        )
    nothing = EvaluateOptions(protocol=options.protocol)
    for option in found.refuses:
        if getattr(options, option) != getattr(nothing, option):
            raise InputError(f"{option}= does not go with the protocol {found.name}")
    return found
