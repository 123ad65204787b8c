"""``posetube data ...``: which commands there are; each lies in a module of its own."""

from cyclopts import App

COMMANDS = (
    ("check", "posetube.pipelines.data_check:check", "What of a data set is there, and broken."),
    ("convert", "posetube.pipelines.data_convert:convert", "One format to another."),
    ("preview", "posetube.pipelines.data_preview:preview", "A page of pictures with their joints."),
    ("synthesize", "posetube.pipelines.data_synthesize:synthesize", "Videos of invented people."),
)
"""Name, where the function lies and one line of help of each."""

app = App(name="data", help="Look at data sets and result files, and convert them.")
for _name, _function, _line in COMMANDS:
    app.command(_function, name=_name, help=_line)
