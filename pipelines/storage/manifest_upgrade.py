"""Brings the manifests of earlier versions into today's format.

Format 1 carries no number. It keeps the settings in one flat table, names the preset of linking
only where it is not ``online``, and spells the fields of a preset with a dot.
"""

from dataclasses import fields
from typing import Any

from posetube.errors import FormatError

from ...tracker.config import LinkConfig


def upgraded(document: Any, *, to: int) -> Any:
    """The content of a manifest in today's format.

    Args:
        document: What ``run.json`` holds; anything but an object comes back as it is.
        to: Today's format.

    Raises:
        FormatError: If a later version wrote it.
    """
    if not isinstance(document, dict):
        return document
    number = document.get("format", 1)
    if number == 1:
        settings = document.get("settings")
        if isinstance(settings, dict):
            # It did not keep the overlay's looks: one that is there counts as drawn by default.
            drawn = "render" in (document.get("stages") or {})
            tree = {**_tree(settings), "overlay": {} if drawn else None}
            document = {**document, "settings": tree}
    elif number != to:
        raise FormatError(f"format {number}, this version reads up to {to}; install a later one")
    return {**_with_later_settings(document), "format": to}


def _with_later_settings(document: dict[str, Any]) -> dict[str, Any]:
    """The manifest with what was so before there was a choice: torch, no refiners, scores count."""
    settings = document.get("settings")
    if not isinstance(settings, dict):
        return document
    settings = {"refine": {"refiners": []}, **settings}
    refine = settings["refine"]
    if isinstance(refine, dict) and isinstance(kalman := refine.get("kalman", {}), dict):
        settings["refine"] = {**refine, "kalman": {"by_score": True, **kalman}}
    if isinstance(detect := settings.get("detect"), dict):
        settings["detect"] = {"runtime": "torch", **detect}
    return {**document, "settings": settings}


def _tree(flat: dict[str, Any]) -> dict[str, Any]:
    """Today's tree from format 1's flat table; what that lacks was off, or had its default."""
    link: dict[str, Any] = {}
    for name, value in (flat.get("link") or {}).items():
        branch, _, leaf = name.rpartition(".")
        (link.setdefault(branch, {}) if branch else link)[leaf] = value
    return {
        "video": {name: flat.get(name) for name in ("start", "end")}
        | {"every": flat.get("every", 1)},
        "detect": {name: flat.get(name, False) for name in ("camera_motion", "appearance")},
        "link": {f.name: link[f.name] for f in fields(LinkConfig) if f.name in link},
    }
