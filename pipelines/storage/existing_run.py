"""What to do where a run's directory is there already: go on, start again, leave it, refuse.

A run is only taken up with the very input, model and settings it began with: its result must be
that of one piece.
"""

from typing import Any, Literal

import msgspec

from posetube.errors import InputError

from .run_directory import Manifest, RunDirectory

OnExisting = Literal["resume", "overwrite", "skip", "fail"]


def earlier_run(run: RunDirectory, choice: OnExisting) -> Manifest | None:
    """The run that is to be taken up; None where a new one begins.

    Args:
        run: The directory; with ``overwrite`` an earlier run in it is erased.
        choice: What ``--on-existing`` says; ``skip`` counts as ``resume`` here.

    Raises:
        InputError: If the directory holds a run and ``fail`` was chosen, or it holds other files.
        FormatError: If its ``run.json`` cannot be read.
    """
    if run.foreign():
        raise InputError(
            f"{run.path} holds other files and no run.json; name a folder of its own, "
            f"such as -o {run.path / 'run'}"
        )
    if not run.manifest.exists():
        return None
    if choice == "fail":
        raise InputError(
            f"{run.path} holds a run already; --on-existing resume goes on with it, "
            "overwrite starts again"
        )
    if choice == "overwrite":
        run.erase()
        return None
    run.clean()
    return run.read()


def check_same(run: RunDirectory, earlier: Manifest, now: Manifest) -> None:
    """Refuse to go on with a run that began differently.

    Raises:
        InputError: If input, model or settings differ; names what does.
    """
    before, after = _identity(earlier), _identity(now)
    differing = ["the input is another"] * (earlier.source.fingerprint != now.source.fingerprint)
    differing += [
        f"{name} was {before.get(name)}, is now {after.get(name)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    if not differing:
        return
    again = "track again with --on-existing overwrite, or into another -o"
    if all(line.startswith("link.") for line in differing):
        again = f"link again with `posetube link {run.path}` and these settings, or {again}"
    raise InputError(f"{run.path} was made differently: {'; '.join(differing)}. To go on, {again}")


def _identity(manifest: Manifest) -> dict[str, Any]:
    settings = msgspec.to_builtins(manifest.settings)
    link = {f"link.{name}": value for name, value in settings.pop("link").items()}
    model = f"{manifest.model.name} ({manifest.model.sha256[:12]})"
    return {
        "model": model,
        **settings,
        **link,
    }
