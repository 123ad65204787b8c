"""What to do where a run's directory is there already: resume, start again, leave it, refuse.

A run is only resumed with the input, model and settings that it began with: its result must be
that of a run without a stop.
"""

from typing import Literal

import msgspec

from posetube.errors import InputError

from .manifest import Manifest
from .run_directory import RunDirectory

OnExisting = Literal["resume", "overwrite", "skip", "fail"]


def check_usable(run: RunDirectory, choice: OnExisting) -> None:
    """Refuse a place where no run may begin or go on.

    Args:
        run: The directory; need not be there.
        choice: What the caller says.

    Raises:
        InputError: If it is a file, a folder with other files, or holds a run and ``fail`` was
            chosen.
        FormatError: If it holds a run whose ``run.json`` is gone.
    """
    run.refuse_file()
    run.refuse_without_manifest()
    if run.foreign():
        raise InputError(
            f"{run.path} holds other files and no run.json; name a folder of its own, "
            f"such as {run.path / 'run'}"
        )
    if choice == "fail" and run.manifest.exists():
        raise InputError(
            f'{run.path} holds a run already; on_existing="resume" goes on with it, '
            'on_existing="overwrite" starts again'
        )


def start_manifest(run: RunDirectory, fresh: Manifest, choice: OnExisting) -> Manifest:
    """The manifest that the work on a run starts from: that of an earlier run, or a new one.

    Args:
        run: The directory, locked; with ``overwrite`` an earlier run in it is erased.
        fresh: The manifest of a new run.
        choice: What the caller says; ``skip`` counts as ``resume`` here.

    Raises:
        InputError: If the directory holds a run and ``fail`` was chosen, if that run was made
            differently, or if the directory holds other files.
        FormatError: If its ``run.json`` is gone, or cannot be read.
    """
    check_usable(run, choice)
    if not run.manifest.exists():
        run.clean()
        return fresh
    if choice == "overwrite":
        run.clean()
        run.erase()
        return fresh
    earlier = run.read()
    # A run that never got so far has nothing that other settings could spoil.
    if not _begun(run, earlier):
        run.clean()
        return fresh
    check_same(run, earlier, fresh)
    run.clean()
    return msgspec.structs.replace(earlier, versions=fresh.versions)


def _begun(run: RunDirectory, earlier: Manifest) -> bool:
    """Whether there is anything to go on with: a stage that is complete, or a part of one."""
    return any(map(earlier.finished, earlier.stages)) or any(run.detections.glob("part-*"))


def check_same(run: RunDirectory, earlier: Manifest, now: Manifest) -> None:
    """Refuse to resume a run that began differently.

    Raises:
        InputError: If input, model or settings differ; names what does.
    """
    before, after = earlier.identity, now.identity
    same_preset = before.get("link.preset") == after.get("link.preset")  # else fields differ too
    differing = ["the input is another"] * (earlier.source.fingerprint != now.source.fingerprint)
    differing += [
        f"{name} was {before.get(name)}, is now {after.get(name)}"
        for name in sorted({*before, *after} if same_preset else {*before} & {*after})
        if before.get(name) != after.get(name)
    ]
    if not differing:
        return
    again = 'start again with on_existing="overwrite", or name another out='
    if all(line.startswith(("link.", "min_joint ")) for line in differing):
        again = f"link again with `posetube link {run.path}` and these settings, or {again}"
    raise InputError(f"{run.path} was made differently: {'; '.join(differing)}. To go on, {again}")
