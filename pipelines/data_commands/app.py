"""``posetube data ...``: which commands there are; each lies in a module of its own."""

from cyclopts import App

COMMANDS = (
    ("archive", "archive:archive", "A data set's pictures, to train on."),
    ("check", "check:check", "What of a data set is there, and broken."),
    ("convert", "convert:convert", "One format to another."),
    ("preview", "preview:preview", "A page of pictures with their joints."),
    ("synthesize", "synthesize:synthesize", "Videos of invented people."),
)
"""Name, place of the function in this package, one line of help."""

app = App(name="data", help="Look at data sets and result files, and convert them.")
for _name, _function, _line in COMMANDS:
    app.command(f"posetube.pipelines.data_commands.{_function}", name=_name, help=_line)
