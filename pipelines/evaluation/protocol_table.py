"""Lists every protocol by which predictions are compared with truth, and what runs it.

A new protocol is one file that measures and one row of :data:`EVALUATIONS`; another set of rules
for pose tracking is one row of :data:`posetube.tracker.metrics.protocols.PROTOCOLS`.

Not here: how each kind measures (``evaluate_tracking``, ``evaluate_boxes``, ``evaluate_people``,
``evaluate_pictures`` beside this file).
"""

from collections.abc import Callable
from dataclasses import dataclass

from posetube.errors import InputError

from ...datasets.people import PeopleSource
from ...tracker.metrics.protocols import PROTOCOLS
from ...tracker.metrics.report import EvalReport
from .evaluate_config import EvaluateConfig
from .evaluate_people import PEOPLE_PROTOCOLS, evaluate_people
from .evaluate_pictures import evaluate_coco
from .evaluate_tracking import evaluate_tracks

Evaluator = Callable[[PeopleSource, PeopleSource, EvaluateConfig], EvalReport]
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


OF_TRACKS = ("strict", "events", "upper_bound")
"""Options that make sense where people are followed over time."""

OF_PICTURES = ("shape",)
"""Options that make sense where people of a picture have several shapes."""

EVALUATIONS: tuple[EvaluationProtocol, ...] = (
    *(
        EvaluationProtocol(name=name, counts=rules.counts, run=evaluate_tracks, refuses=OF_PICTURES)
        for name, rules in PROTOCOLS.items()
    ),
    EvaluationProtocol(
        name="coco",
        counts="AP and AR of joints, boxes or masks (`--shape keypoints`, `bbox`, `segm`) by "
        "pycocotools",
        run=evaluate_coco,
        refuses=(*OF_TRACKS, "dataset", "split", "skip_missing"),
        is_drawn=False,
    ),
    *(
        EvaluationProtocol(
            name=rules.name,
            counts=rules.counts,
            run=evaluate_people,
            refuses=(*OF_TRACKS, *OF_PICTURES),
        )
        for rules in PEOPLE_PROTOCOLS
    ),
)
"""Every protocol."""

PROTOCOL_NAMES = tuple(protocol.name for protocol in EVALUATIONS)


def find_evaluation(config: EvaluateConfig) -> EvaluationProtocol:
    """The protocol that is asked for.

    Raises:
        InputError: If there is none of the name, or an option does not go with it.
    """
    found = next((p for p in EVALUATIONS if p.name == config.protocol), None)
    if found is None:
        raise InputError(
            f"no protocol is called {config.protocol!r}; there are {', '.join(PROTOCOL_NAMES)}"
        )
    nothing = EvaluateConfig(protocol=config.protocol)
    for option in found.refuses:
        if getattr(config, option) != getattr(nothing, option):
            raise InputError(f"{option}= does not go with the protocol {found.name}")
    return found
