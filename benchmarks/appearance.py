"""Whether appearance vectors tell people apart, and which of the network's maps does so best.

    python -m benchmarks.appearance VIDEO TRACKS [VIDEO TRACKS ...] [--record]

TRACKS is a run's directory, or PoseTrack18's JSON of the same frames. Pairs of boxes that lie 0.2
to 2 seconds apart show the same person or two; the figure is the area under the ROC curve: how
often the same person's cosine is above that of two people of the same video. Tracks that a tracker
made from boxes alone know nothing of appearance, but may be wrong themselves; annotated ones are
not.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import Tensor
from torch.nn import functional

from benchmarks.recording import RESULTS, write_record
from posetube.datasets.formats import posetrack18
from posetube.datasets.video import open_video
from posetube.models3d import load_network
from posetube.models3d.appearance import PYRAMID, Level, embed, embed_joints, look_maps
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.features import ClipFeatures, Pictures
from posetube.models3d.network_input import prepare
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.structures import ByteArray, FloatArray, VideoTracks

NEAREST, FARTHEST = 0.2, 2.0
"""Seconds between the two boxes of a pair."""

ALL_CHANNELS = 10_000

Doubles = npt.NDArray[np.float64]


def alone(stride: int) -> list[Level]:
    """One map, its upper and its lower half."""
    return [Level(stride=stride, channels=ALL_CHANNELS, bands=2)]


def of_body(model: TubeRCNN, image: ByteArray, boxes: FloatArray) -> dict[str, Tensor]:
    """Bands of boxes in the picture and in the maps of the body."""
    pixels, geometry = prepare(image[None], model.config.preprocess)
    tubes = geometry.to_network(torch.from_numpy(boxes)[None, :, None])
    maps = [pixels]
    for stage in model.body.stages:
        maps.append(stage(maps[-1], 1))
    strides = list(model.body.strides)
    found: dict[str, tuple[list[Tensor], list[int], Sequence[Level]]] = {
        "body": (maps[1:], strides, PYRAMID),
        "colour": ([pixels], [1], alone(1)),
    }
    for index, stride in enumerate(strides):
        found[f"stage {index}, stride {stride}"] = ([maps[index + 1]], [stride], alone(stride))
    return {
        name: embed(look_maps(read, steps, pyramid=pyramid), tubes, pyramid=pyramid)[0, :, 0]
        for name, (read, steps, pyramid) in found.items()
    }


def of_crops(model: TubeRCNN, image: ByteArray, boxes: FloatArray) -> dict[str, Tensor]:
    """Joints of boxes in the maps of the crop network; the first one is what the model gives."""
    head = model.keypoint_head
    assert isinstance(head, CropKeypointHead)
    geometry = prepare(image[None], model.config.preprocess)[1]
    pictures = Pictures(torch.from_numpy(image)[None].permute(0, 3, 1, 2), geometry)
    clip = ClipFeatures(levels=(), strides=(), length=1, pictures=pictures)
    pooled = head.pool(clip, [geometry.to_network(torch.from_numpy(boxes)[:, None])])
    heatmaps, flip = head.heatmaps(pooled, 1), model.skeleton.flip.tolist()
    names = ["shipped", *(f"crop, stride {stride}" for stride in (32, 16, 8, 4))]
    return {
        name: embed_joints(
            maps,
            functional.adaptive_avg_pool2d(heatmaps, (maps.shape[2], maps.shape[3])),
            flip=flip,
        )
        for name, maps in zip(names, head.network.features(pooled.pixels), strict=True)
    }


@torch.inference_mode()
def vectors_of(model: TubeRCNN, image: ByteArray, boxes: FloatArray) -> dict[str, FloatArray]:
    """(N, D) for N boxes of a frame, by choice."""
    choices = of_crops(model, image, boxes) | of_body(model, image, boxes)
    return {name: vectors.numpy() for name, vectors in choices.items()}


def sightings(
    model: TubeRCNN, video: Path, tracks: VideoTracks, *, every: int
) -> Iterator[tuple[float, int, dict[str, FloatArray]]]:
    """Time, person and vectors of each row of every few frames."""
    with open_video(video) as opened:
        for frame in opened:
            if frame.index >= len(tracks.frames):
                return
            rows = tracks.rows_of(frame.index)
            boxes = tracks.boxes[rows]
            if frame.index % every or frame.image is None or not len(boxes):
                continue
            vectors = vectors_of(model, frame.image, boxes)
            for place, person in enumerate(tracks.track_ids[rows]):
                yield frame.time, int(person), {n: v[place] for n, v in vectors.items()}


def separation(vectors: FloatArray, times: Doubles, people: Doubles) -> dict[str, float]:
    """How well the cosine of two sightings tells whether they show one person."""
    cosine = vectors @ vectors.T
    apart = np.abs(times[:, None] - times)
    pairs = (apart >= NEAREST) & (apart <= FARTHEST) & np.triu(np.ones_like(cosine, bool), 1)
    same = people[:, None] == people
    one, two = cosine[pairs & same], cosine[pairs & ~same]
    above = rankdata(np.concatenate([one, two]))[: len(one)].sum() - len(one) * (len(one) + 1) / 2
    return {
        "numbers": vectors.shape[1],
        "auc": round(float(above / (len(one) * len(two))), 3),
        "cosine_same": round(float(one.mean()), 2),
        "cosine_different": round(float(two.mean()), 2),
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="VIDEO TRACKS, one pair or more")
    parser.add_argument("--every", type=int, default=3, help="frames between those looked at")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    model = load_network("tiny")
    results: dict[str, dict[str, dict[str, float]]] = {}
    for video, source in zip(options.paths[::2], options.paths[1::2], strict=True):
        tracks = read_tracks(source) if source.is_dir() else posetrack18.read(source)
        seen = list(sightings(model, video, tracks, every=options.every))
        times, people = (
            np.array(column, np.float64) for column in list(zip(*seen, strict=True))[:2]
        )
        results[video.stem] = {
            name: separation(np.stack([v[name] for *_, v in seen]), times, people)
            for name in seen[0][2]
        }
    for name in next(iter(results.values())):
        print(f"{name:20}", *(f"{found[name]['auc']:6}" for found in results.values()))
    if options.record:
        record = {"model": f"tiny {model.info.sha256}", "videos": results}
        write_record(RESULTS / "appearance.json", record)


if __name__ == "__main__":
    main()
