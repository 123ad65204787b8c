"""``posetube data synthesize OUT``: videos of synthetic people with exact labels.

The people are drawn by :mod:`posetube.datasets.synthetic`.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import check_folder_of
from posetube.errors import InputError

from ...datasets.annotated_video import Part
from ...datasets.synthetic import SceneConfig, generate
from ...datasets.synthetic.layouts import Layout, write_dataset

SCENE = SceneConfig()


def synthesize(
    out: Path,
    /,
    *,
    clips: int = 1,
    seed: int = 0,
    layout: Layout = "video",
    split: Part | None = None,
    scene: Annotated[SceneConfig, Parameter(name="*", negative_iterable=())] = SCENE,
) -> None:
    """Draw videos of synthetic people, with the labels that a data set would have.

    The same seed gives the same videos.

    Args:
        out: Folder to write to.
        clips: Number of videos.
        seed: Of the first video, 0 or more; the next has the next.
        layout: video is an MP4 with PoseTrack18's JSON beside it; posetrack18, posetrack21,
            posetrack17, coco, mot, penn-action and jhmdb are folders as these data sets are
            published. The last two know one person per video: each person becomes a video of its
            own.
        split: Part of the data set that the videos become [default: train; of jhmdb none].
        scene: What the videos show.
    """
    if clips < 1:
        raise InputError(f"--clips must be at least 1, got {clips}")
    if seed < 0:
        raise InputError(f"--seed must be 0 or more, got {seed}")
    check_folder_of(out)
    made = (generate(scene, seed=seed + number) for number in range(clips))
    frames = write_dataset(out, made, layout=layout, split=split or "")
    print(f"{out}: {clips} clips, {frames} frames, layout {layout}")  # noqa: T201
