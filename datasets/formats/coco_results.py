"""Reads COCO's JSON as pycocotools evaluates it: truth as one object, results as a list.

Truth and results stay the plain values of the files, which is what pycocotools works on; they are
only checked as far as a wrong type would be taken for a number. Tracks become the same values.

Source: COCO's data format page; mmpose's PoseTrack18 files for several videos in one.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from posetube import boxes
from posetube.errors import FormatError
from posetube.keypoint_similarity import mean_of_known
from posetube.masks import fitted_mask, mask_area
from posetube.structures import VideoTracks

from ..files.checked_values import MAX_PIXEL
from ..files.json_files import decode, read_bytes
from ..files.opened_file import OpenedFile
from . import posetrack18
from .coco_matching import in_terms_of

Entry = dict[str, Any]
"""An image, an annotation, a category or a result, as in the file."""


_Whole = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_Pixels = Annotated[float, msgspec.Meta(ge=-MAX_PIXEL, le=MAX_PIXEL)]


class _Mask(msgspec.Struct):
    """A mask by run lengths."""

    size: Annotated[
        list[Annotated[int, msgspec.Meta(ge=1, le=100_000)]],
        msgspec.Meta(min_length=2, max_length=2),
    ]
    counts: Any


_Outline = Annotated[list[_Pixels], msgspec.Meta(min_length=6)]


class _Image(msgspec.Struct):
    """A picture."""

    id: _Whole | str
    width: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    height: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1


class _Category(msgspec.Struct):
    """A kind of thing."""

    id: _Whole
    name: str = ""
    keypoints: list[str] = []


class _Thing(msgspec.Struct):
    """An annotation or a result: what must be numbers, whatever else it holds."""

    image_id: _Whole | str = 0
    category_id: _Whole = 0
    id: _Whole | str | None = 0
    score: _Pixels = 0.0
    area: Annotated[float, msgspec.Meta(ge=0, le=MAX_PIXEL**2)] = 0.0
    iscrowd: Literal[0, 1] = 0
    num_keypoints: _Whole = 0
    keypoints: list[_Pixels | None] | None = []
    bbox: Annotated[list[_Pixels], msgspec.Meta(max_length=4)] = []
    segmentation: list[_Outline] | _Mask = []


def is_truth(file: OpenedFile) -> bool:
    """Whether a file is COCO's truth, which tells areas or should, rather than PoseTrack's."""
    if file.suffix != ".json" or "area" in file.first_of("annotations"):
        return file.suffix == ".json"
    return bool(file.first_of("images")) and not posetrack18.recognise(file)


def read_truth(given: OpenedFile | Path | str) -> Entry:
    """Truth: ``images``, ``annotations`` and ``categories``.

    Raises:
        FormatError: If a part is not there, or holds something else than it must.
    """
    file = given if isinstance(given, OpenedFile) else OpenedFile(given)
    path, content = file.path, file.parse(Entry)
    for part, kind in (("images", _Image), ("annotations", _Thing), ("categories", _Category)):
        _check(_objects(content, part, path=path), kind, path=path, part=part)
    return content


def read_results_of(truth: Entry, path: Path | str) -> tuple[list[Entry], list[str]]:
    """Results in the terms of the truth, where their file names images, categories and joints.

    Args:
        truth: From :func:`read_truth`.
        path: The file.

    Returns:
        The results, and what their joints lack, a line each.

    Raises:
        FormatError: If it is no file of results.
    """
    results, file = _results(Path(path))
    return in_terms_of(truth, file, results) if isinstance(file, dict) else (results, [])


def _results(path: Path) -> tuple[list[Entry], Any]:
    """The results, and all that the file holds."""
    file: Any = decode(read_bytes(path), object, path=path)
    content = file.get("annotations") if isinstance(file, dict) else file
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise FormatError(f"{path}: expected a list of results, as COCO's results are")
    _check(content, _Thing, path=path, part="results")
    for part, kind in (("images", _Image), ("categories", _Category)):
        if isinstance(file, dict) and part in file:
            _check(_objects(file, part, path=path), kind, path=path, part=part)
    return content, file


def _objects(content: Entry, part: str, *, path: Path) -> list[Entry]:
    entries = content.get(part)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FormatError(f"{path}: expected a list of objects in {part!r}")
    return entries


def _check(entries: list[Entry], kind: type, *, path: Path, part: str) -> None:
    for number, entry in enumerate(entries):
        try:
            _convert(entry, kind)
        except msgspec.ValidationError as error:
            reason = str(error).replace(" - at `$.", ", at ").replace("`", "")
            raise FormatError(f"{path}: {part}[{number}]: {reason}") from None
    if kind is _Thing:
        _spell_unknown(entries)


def _spell_unknown(entries: list[Entry]) -> None:
    """Spell joints that are null as pycocotools reads them: three zeros.

    It multiplies with all numbers before it asks which of them count, so that it fails on null.
    """
    length = max((len(entry.get("keypoints") or ()) for entry in entries), default=0)
    for entry in entries:
        given = entry.get("keypoints", ())
        if given is None and length:
            entry["keypoints"] = [0] * length
        elif given is None:
            del entry["keypoints"]
        elif None in given:
            triples = [given[start : start + 3] for start in range(0, len(given), 3)]
            entry["keypoints"] = [n for triple in triples for n in _spelt(triple)]


def _spelt(triple: list[float | None]) -> list[float]:
    if None in triple[:2]:
        return [0.0] * len(triple)
    return [1.0 if n is None else n for n in triple]  # a joint in its place, unsaid whether seen


def _convert(entry: Entry, kind: type) -> None:
    """As :func:`posetube.datasets.files.json_files.parse` does it: ``4.0`` is a whole number."""
    try:
        msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
        msgspec.convert(entry, kind, strict=False)


def as_truth(videos: Iterable[VideoTracks]) -> Entry:
    """Tracks as truth; images are numbered from 1 over all labelled frames.

    A person's area is that of the mask, or else of the box, or else of the joints' extent.
    """
    images: list[Entry] = []
    annotations: list[Entry] = []
    joints: tuple[str, ...] = ()
    for video in videos:
        joints = video.skeleton.joints
        height, width = video.size or (1, 1)  # pycocotools wants it, though masks say it themselves
        for index in video.frames.labeled_indices.tolist():
            name = f"{video.source}/{index}"
            images.append(
                {"id": len(images) + 1, "file_name": name, "height": height, "width": width}
            )
            for person in _people(video, index):
                known = sum(1 for v in person["keypoints"][2::3] if v)
                annotations.append({
                    "id": len(annotations) + 1, "image_id": len(images), "category_id": 1,
                    "iscrowd": 0, "num_keypoints": known, **person,
                })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(joints)}
    return {"images": images, "annotations": annotations, "categories": [category]}


def as_results(
    videos: Iterable[VideoTracks], truth: Iterable[VideoTracks], *, shape: str | None = None
) -> list[Entry]:
    """Tracks as results for the images of :func:`as_truth`; frame i of one is frame i of the other.

    A person without a score has the mean of the joints', or 1.

    Args:
        videos: What was found.
        truth: The same videos.
        shape: ``keypoints``, ``bbox`` or ``segm``, where only people's shapes of that kind are
            wanted; who has none is left out. None: joints and boxes.
    """
    names = {None: ("keypoints", "bbox"), "segm": ("segmentation",)}.get(shape, (str(shape),))
    results, image = [], 0
    for video, true in zip(videos, truth, strict=True):
        means = np.nan_to_num(mean_of_known(video.keypoint_scores.astype(np.float64)), nan=1.0)
        scores = np.where(np.isnan(video.scores), means, video.scores)
        for index in true.frames.labeled_indices.tolist():
            image += 1
            rows, like = video.rows_of(index), _some_mask(true, index)
            for person, score in zip(_people(video, index, like=like), scores[rows], strict=True):
                wanted = {name: person[name] for name in names if name in person}
                if wanted:
                    results.append(
                        {"image_id": image, "category_id": 1, "score": float(score), **wanted}
                    )
    return results


def _some_mask(video: VideoTracks, index: int) -> bytes:
    """One that tells the picture's size; empty where nobody has one."""
    return b"" if video.masks is None else max(video.masks[video.rows_of(index)], default=b"")


def _people(video: VideoTracks, index: int, *, like: bytes = b"") -> Iterable[Entry]:
    """Everybody in a frame; masks are brought to the size of the mask ``like``."""
    rows = video.rows_of(index)
    points = video.keypoints[rows].astype(np.float64)
    known = ~np.isnan(points).any(axis=-1, keepdims=True)
    triples = np.where(known, np.concatenate([points, np.full(known.shape, 2.0)], axis=-1), 0.0)
    extent = boxes.or_around(video.boxes[rows].astype(np.float64), points)
    extent = np.nan_to_num(boxes.to_xywh(extent))
    masks = [b""] * len(points) if video.masks is None else video.masks[rows].tolist()
    for row, mask in enumerate(masks):
        box = extent[row].tolist()
        person = {"keypoints": triples[row].ravel().tolist(), "bbox": box, "area": box[2] * box[3]}
        if mask:
            mask = fitted_mask(mask, like) if like else mask
            person |= {"segmentation": msgspec.json.decode(mask), "area": mask_area(mask)}
        yield person
