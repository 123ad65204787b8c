"""``posetube refine RUN``: refines the joints of a run's tracks."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.errors import InputError

from ...tracker.refiners.refine_config import RefineConfig
from ..loaded_model import as_loaded
from ..opened_people import run_of
from ..progress import ProgressKind
from ..settings import RefinerWords, with_chain
from ..storage.run_directory import RunDirectory
from ..tracking.run_session import open_session, summary
from ..watch import print_result, watching

REFINE = RefineConfig()
REFINE_OPTIONS = Parameter(name="--refine")


def refine_command(
    run: Path,
    /,
    *,
    refine: RefinerWords = None,
    model: str | None = None,
    progress: ProgressKind = "auto",
    settings: Annotated[RefineConfig, REFINE_OPTIONS] = REFINE,
) -> int:
    """Refine the joints of a run's tracks, anew from the joints as linked.

    What was made of the old joints, the overlay and exports in the run's folder, is removed;
    `posetube render` and `posetube export` make it again.

    Args:
        run: A run's directory.
        refine: The chain of refiners.
        model: The run's network, a name or a file of weights, for refiners of heatmaps [default:
            by the name that the run has].
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
        settings: How strongly the refiners work.
    """
    folder = run_of(run)
    if folder is None:
        raise InputError(
            f"{run} is no run; `posetube link {run}` makes one of a file, and "
            "posetube.refine() in Python takes tracks from anywhere"
        )
    directory, config = RunDirectory(folder), with_chain(settings, refine)
    with watching(progress) as watch, open_session(directory, watch=watch) as session:
        config = config.completed(by_score=session.settings.refine.kalman.by_score)
        session.settings = replace(session.settings, refine=config)
        detect = session.settings.detect.on_any_device()
        names = [*dict.fromkeys([*session.after_linking(), "refine"])]
        loaded = None if model is None else as_loaded(model, device="auto", detect=detect)
        done = session.run_stages(*names, anew=True, model=loaded)
        line = summary(directory, done, stages=names)
    print_result(line, progress)
    return 0
