"""The command line: lists the commands, and turns an error into one line and an exit code.

Each command lives in the module that the table names. The module is imported when the command is
called: ``posetube --help`` imports none, and shows the table's line for each. A command is a
function with typed keyword arguments whose docstring is its help. It returns its exit code, or None
for 0. It raises errors; this module makes the line for the user.
"""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from io import TextIOWrapper

from cyclopts import App, CycloptsError, Parameter

from posetube.errors import InputError

from .failures import INTERRUPTED, NOBODY_READS, Interrupted, explain, one_line
from .options import CommandOptions, TimesInHelp

COMMANDS = (
    ("track", "tracking.track_command:track_command", "Find and follow the people of a video."),
    ("demo", "demo:demo", "Make a short clip, track it, compare with truth."),
    ("link", "tracking.link_command:link_command", "Link a run's or anybody's detections."),
    ("refine", "refining.refine_command:refine_command", "Make the joints of a run steadier."),
    ("edit", "editing.edit_command:edit_command", "Correct who is who in a run, and joints."),
    ("render", "rendering.render_command:render_command", "Draw a run's tracks over its video."),
    ("measure", "measuring.measure_command:measure_command", "Angles, speeds, steps, zones."),
    ("report", "reporting.report_command:report_command", "Make a page that shows a run."),
    ("review", "reporting.review_command:review_command", "Correct a run in the browser."),
    (
        "export",
        "data_commands.export_command:export_command",
        "Write a run's tracks for other programs.",
    ),
    (
        "evaluate",
        "evaluation.evaluate_command:evaluate_command",
        "Compare predictions with truth by a named protocol.",
    ),
    ("train", "training.train_command:train", "Train a network, or a refiner of its heatmaps."),
    ("models", "models:app", "List, describe, fetch and convert networks."),
    (
        "bench",
        "bench.bench_command:bench",
        "How fast this machine tracks, and what would be faster.",
    ),
    ("doctor", "doctor:doctor", "Check versions, devices, codecs; a trial run."),
)
"""Name, place of the function in this package, one line of help; in the order of the help."""

DATA_COMMANDS = (
    ("check", "data_commands.check:check", "What of a data set is there, and broken."),
    ("list", "data_commands.list_videos:list_videos", "Where a data set's videos lie."),
    ("convert", "data_commands.convert:convert_people", "One format to another."),
    ("archive", "data_commands.archive:archive", "A data set's pictures, to train on."),
    ("label", "data_commands.label:label", "Labels for videos, by tracking them."),
    ("preview", "data_commands.preview:preview", "A page of pictures with their joints."),
    ("synthesize", "data_commands.synthesize:synthesize", "Videos of synthetic people."),
)
"""The same of ``posetube data``."""

NEEDED = re.compile(r"Command \".*\" parameter (\S+) requires an argument")
"""How the parser says that a word is missing."""

Commands = Sequence[tuple[str, str, str]]


def build_app(words: Sequence[str] = (), *, options: CommandOptions | None = None) -> App:
    """The application with every command, none of them imported yet.

    Args:
        words: What will be called: that command has its docstring as help, others their line.
        options: Converts the words of options; None: one that knows no times.
    """
    known = options or CommandOptions()
    app = App(
        name="posetube",
        help="Finds every person in a video, follows each, and says where each joint is.",
        version=lambda: version("posetube"),
        help_format="markdown",
        help_formatter=TimesInHelp(known),
        default_parameter=Parameter(converter=lambda kind, tokens: known.convert(kind, tokens)),
    )
    _add(app, COMMANDS, called=words[:1])
    data = App(
        name="data",
        help="Look at data sets and result files; convert them.",
        sort_key=len(COMMANDS),
    )
    _add(data, DATA_COMMANDS, called=words[1:2])
    app.command(data)
    return app


def _add(app: App, commands: Commands, *, called: Sequence[str]) -> None:
    for place, (name, function, line) in enumerate(commands):
        said = None if name in called else line
        app.command(f"posetube.pipelines.{function}", name=name, help=said, sort_key=place)


LIBRARIES = {
    # Arrow's usual allocator keeps twenty megabytes for tables of one
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    # every core has a thread of ours; those that OpenCV adds only interrupt them
    "OPENCV_FOR_THREADS_NUM": "1",
}
"""What libraries are told where nobody has told them. They read it when they are first imported,
for the whole process; only a program may do that."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words after ``posetube``; None for those of this process.

    Returns:
        The exit code, see :mod:`posetube.pipelines.failures`.
    """
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, TextIOWrapper):  # prints names of files that are not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        return NOBODY_READS
    return code


def _run(words: Sequence[str]) -> int:
    if words[:1] == ["help"]:  # as other programs have it
        words = [*words[1:], "--help"]
    name, options = "posetube", CommandOptions()
    try:
        app = build_app(words, options=options)
        name = options.look_up(app, words)
        code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        line = NEEDED.sub(r"\1 is missing", options.as_typed(one_line(error)))
        line = line.replace(", ...", " and more").rstrip(".")
        stop = "" if line.endswith("?") else "."
        text = f"{name}: {line}{stop} See `{name} --help`."
        if not (words[:1] == ["train"] and _told_by_another(text)):
            print(text, file=sys.stderr)  # noqa: T201
        return InputError.exit_code
    except SystemExit as request:  # a command that was told to stop, by the parser
        if isinstance(request.__context__, BrokenPipeError):  # that is how rich passes it on
            raise request.__context__ from None
        return int(request.code or 0)
    except BrokenPipeError:
        raise
    except Interrupted as stop:
        print(f"{name}: {stop}. To go on: {_again(stop.again or words)}", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except (Exception, KeyboardInterrupt) as error:
        failure = explain(error)
        print(f"{name}: {options.as_typed(failure.line)}", file=sys.stderr)  # noqa: T201
        return failure.exit_code
    return int(code or 0)


def _told_by_another(text: str) -> bool:
    """Whether several processes were given the same words, and another one tells this."""
    if int(os.environ.get("WORLD_SIZE", 1)) < 2:  # alone: PyTorch need not be loaded to say so
        return False
    from .training.told_once import first_tells

    return first_tells(text)


def _forget_output() -> None:
    """Send what is still to be printed to nowhere; the interpreter would complain at its end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _again(words: Sequence[str]) -> str:
    """The line that goes on with what was stopped: the same, without ``--on-existing``."""
    kept = [word for word in words if not word.startswith("--on-existing=")]
    while "--on-existing" in kept:
        place = kept.index("--on-existing")
        del kept[place : place + 2]
    return shlex.join(["posetube", *kept])
