"""Trains a network on labelled pictures or clips, to weights that can be shipped.

A run's folder holds ``drawn.tar`` (synthetic people, where they are asked for),
``settings.json`` (what the run was begun with), ``state.safetensors`` (to go on from),
``metrics.jsonl`` (a line per report), ``predictions`` (pictures of what the network finds) and
``average.safetensors``: the averaged weights, which are the result. A run that was stopped goes on
where it was, and ends with the same weights.

Not here: the steps (:mod:`.training_loop`), the settings (:mod:`.train_config`), refiners
(:mod:`.train_refiner`), the command (:mod:`.train_command`).
"""

import copy
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, Clip, Detections

from ...datasets.formats.joint_sets import people_with_joints
from ...models3d.checkpoints.loading import load_network
from ...models3d.checkpoints.weights_io import save_weights
from ...models3d.dense_proposals import DenseProposalHead
from ...models3d.features import Pictures
from ...models3d.network_input import prepare
from ...models3d.preprocess import Geometry
from ...models3d.training.loss_shares import LossShare
from ...models3d.training.optimization import freeze, half_precision
from ...models3d.training.over_time import inflated
from ...models3d.training.sampling import TorchDraw
from ...models3d.training.tube_losses import learns_masks, tube_losses
from ...models3d.training.winograd_training import learn_by_winograd
from ...models3d.tube_choice import Proposals
from ...models3d.tube_rcnn import TubeRCNN
from ..watch import Watch
from .batches import ClipBatches, TrainingBatch, prefetch
from .clip_sources import TrainingData, open_clip_source
from .drawn_archive import drawn_archive
from .drawn_predictions import DrawnPredictions
from .held_out_videos import check_held_out, score_videos
from .picture_scores import check_pictures, score_pictures
from .train_config import TrainConfig, ValidationConfig
from .training_job import TrainingJob, training_job
from .training_loop import Learner, TrainingLoop
from .training_record import model_of, trained_info

RESULT = "average.safetensors"


def train_network(
    config: TrainConfig,
    folder: Path,
    *,
    root: Path = Path(),
    device: str = "cpu",
    watch: Watch | None = None,
) -> TubeRCNN:
    """Train, or go on with what is in the folder.

    Args:
        config: The run.
        folder: Where its files go; made if it does not exist.
        root: Folder that the settings' relative paths start from.
        device: ``auto``, any of torch's, or several: ``cuda:0,1``.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Returns:
        The network with the averaged weights.

    Raises:
        InputError: If settings do not fit each other, the data or the network, a run in the folder
            was begun with others, another process is at work there, or the losses diverge.
        MissingFileError: If there is no file or folder that the settings name.
        MissingExtraError: If Lightning Fabric is not installed, or TensorBoard where it is wanted.
        FormatError: If pictures cannot be read.
        WeightsError: If there is no model to start from, or the folder holds another run.
        Interrupted: If somebody asked to stop; the state is saved.
    """
    with training_job(config, folder, root=root, device=device, watch=watch) as job:
        return _train(job)


def _train(job: TrainingJob) -> TubeRCNN:
    network = _network(job)
    proposer = _proposer(job, network)
    job = job.begun(network.info, proposer=proposer.info if proposer else None)
    config, folder, processes = job.config, job.folder, job.processes
    average = copy.deepcopy(network).requires_grad_(False)
    freeze(network, config.optimization)
    learn_by_winograd(network, precision=config.optimization.precision)

    def write(step: int) -> None:
        average.info = trained_info(
            config, folder, parent=network.info, step=step, training=job.made_by
        )
        save_weights(average, folder / RESULT)

    learner = Learner(
        network=network,
        average=average,
        losses=lambda batch, step: step_losses(
            network, batch, step=step, config=config, proposer=proposer
        ),
        scores=lambda step: _scores(average, job),
        best_by="oks_ap" if config.held_out is None else "videos_mota",
        write=write,
        result=folder / RESULT,
        broken=lambda batch: batch.broken,
    )
    job.processes.by_first(lambda: _check_measured_on(job))
    loop = TrainingLoop(job, learner)
    data = _training_data(job)
    source = open_clip_source(data, root=job.root, masks=learns_masks(network), warn=job.warn)
    drawn = DrawnPredictions(
        config=config,
        root=job.root,
        trained_on=source,
        length=network.clip_length,
        warn=job.warn,
    )
    batches = ClipBatches(
        source=source,
        config=data,
        skeleton=network.skeleton,
        seed=config.seed,
        places=processes.places(data.batch),
    )
    loop.run(partial(prefetch, batches, threads=data.threads), drawn=lambda: drawn(average))
    return average


def _check_measured_on(job: TrainingJob) -> None:
    """Refuse what cannot be measured on now, and not after the first 500 steps."""
    photographs, videos = job.config.validation, job.config.held_out
    if photographs is not None:
        check_pictures(
            annotations=job.root / photographs.annotations,
            pictures=job.root / photographs.pictures,
        )
    if videos is not None:
        check_held_out(videos, root=job.root)


def _scores(average: TubeRCNN, job: TrainingJob) -> dict[str, Any]:
    """Measure the averaged weights, on photographs and on videos."""
    config = job.config
    scores = validation_scores(average, config.validation, root=job.root)
    if config.held_out is not None:
        device = str(job.processes.device)
        scores |= score_videos(job.folder / RESULT, config.held_out, root=job.root, device=device)
    return scores


def _network(job: TrainingJob) -> TubeRCNN:
    """The network to start from, made to look at as many frames as the clips have."""
    config = job.config
    network = load_network(model_of(config.start, job.root), device=str(job.processes.device))
    boxes = "continuous" if network.box_head is None else network.box_head.config.convention
    if config.losses == "detect-and-track" and boxes == "continuous":
        raise InputError(
            "TrainConfig.losses: 'detect-and-track' needs a network of the published programs, "
            f"whose boxes have inclusive corners; {config.start} is none, leave losses out for it"
        )
    if config.loss_config.focal and isinstance(network.proposals, DenseProposalHead):
        raise InputError(
            f"LossConfig.focal is for anchors, and {config.start} has none; leave the table out"
        )
    if config.loss_config.hard_rois and network.box_head is None:
        raise InputError(
            f"LossConfig.hard_rois is for a box head, and {config.start} has none; leave the "
            "table out"
        )
    length = 1 if config.clips is None else config.clips.frames.length
    return inflated(network, length=length)


def _proposer(job: TrainingJob, network: TubeRCNN) -> TubeRCNN | None:
    """The network whose proposals the heads are shown; None: the trained one's own."""
    name = job.config.proposals_from
    if not name:
        return None
    proposer = load_network(model_of(name, job.root), device=str(job.processes.device))
    ours, theirs = (
        None if one.box_head is None else one.box_head.config.convention
        for one in (network, proposer)
    )
    if ours != theirs:
        raise InputError(
            f"TrainConfig.proposals_from: boxes of {name} are {theirs or 'those of its proposals'}"
            f", those of {job.config.start} {ours or 'those of its proposals'}; take a network of "
            "the same kind"
        )
    return inflated(proposer, length=network.clip_length).requires_grad_(False)


def _training_data(job: TrainingJob) -> TrainingData:
    """What is trained on, drawn pictures among the others."""
    if job.config.clips is not None:
        return job.config.clips
    pictures, drawn = job.config.pictures, job.config.drawn
    assert pictures is not None
    if drawn is None:
        return pictures
    archive = job.processes.by_first(
        lambda: drawn_archive(drawn, folder=job.folder, root=job.root, listener=job.watch.listener)
    )
    return replace(pictures, archives={**pictures.archives, str(archive.resolve()): drawn.weight})


def step_losses(
    network: TubeRCNN,
    batch: TrainingBatch,
    *,
    step: int,
    config: TrainConfig,
    proposer: TubeRCNN | None = None,
) -> dict[str, LossShare]:
    """The losses of some clips; what is drawn at random depends on seed, step and place alone."""
    images = batch.images.reshape(-1, *batch.images.shape[2:])
    device = next(network.parameters()).device
    pixels, geometry = _prepared(network, images)
    half = half_precision(config.optimization.precision)
    with torch.autocast(device.type, dtype=half, enabled=half is not None):
        return tube_losses(
            network,
            pixels,
            [people.to(device) for people in batch.truth],
            pictures=Pictures(torch.from_numpy(images).to(device).permute(0, 3, 1, 2), geometry),
            proposals=_proposals(proposer, images) if proposer else None,
            config=config.loss_config,
            draws=[_draw(config.seed, step, place) for place in batch.places],
        )


def _prepared(network: TubeRCNN, images: ByteArray) -> tuple[torch.Tensor, Geometry]:
    """A network's input, (B * T, 3, H, W); batches have their size, and keep it."""
    as_they_are = replace(
        network.config.preprocess,
        short_side=min(images.shape[1:3]),
        long_side=max(images.shape[1:3]),
    )
    pixels, geometry = prepare(images, as_they_are)
    return pixels.to(next(network.parameters()).device), geometry


@torch.no_grad()
def _proposals(proposer: TubeRCNN, images: ByteArray) -> Proposals:
    """Where a network proposes people, in (B * T, H, W, 3) frames."""
    pixels, geometry = _prepared(proposer, images)
    features = proposer.clip_part(proposer.frame_part(pixels), proposer.clip_length)
    return proposer.propose(features, geometry)


def _draw(seed: int, step: int, place: int) -> TorchDraw:
    """The random choices of one clip's losses."""
    words = np.random.SeedSequence([seed, step, place]).generate_state(2)
    number = int(words[0]) << 31 | int(words[1]) >> 1
    return TorchDraw(generator=torch.Generator().manual_seed(number))


def validation_scores(
    network: TubeRCNN, config: ValidationConfig | None, *, root: Path = Path()
) -> dict[str, Any]:
    """Measure a network on labelled photographs; nothing where there are none."""
    if config is None:
        return {}

    def detect(image: ByteArray) -> Detections:
        length = network.clip_length
        # A picture is a clip in which nothing moves.
        clip = Clip(
            frames=np.zeros(length, np.int64),
            times=np.zeros(length, np.float64),
            images=np.repeat(image[None], length, axis=0),
        )
        people = network.detect(clip).at(length // 2)
        return people_with_joints(people, network.skeleton, COCO17)

    scores = score_pictures(
        detect, annotations=root / config.annotations, pictures=root / config.pictures
    )
    return asdict(scores)
