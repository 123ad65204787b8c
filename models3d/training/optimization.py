"""The optimiser: which weights change, at which learning rate, and their running average.

Not here: the losses (:mod:`.tube_losses`), files (:mod:`.training_state`).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from ..devices import computes_bfloat16


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """The factor on the learning rate, step by step."""

    kind: Literal["cosine", "steps"] = "cosine"
    """``cosine``: falls to ``final``; ``steps``: times 0.1 at each of ``drops``, as published."""

    final: float = 0.02
    """Factor at the last step, in [0, 1]; for ``cosine``."""

    drops: tuple[int, ...] = ()
    """Steps at which the rate falls, rising; for ``steps``."""

    warmup: int = 100
    """Steps over which the rate rises linearly to its full value."""

    warmup_start: float = 0.0
    """Factor at the first of them, in [0, 1]."""

    def __post_init__(self) -> None:
        check_numbers(self, "final", "warmup_start", low=0, high=1)
        check_numbers(self, "warmup", low=0)
        if self.drops:
            check_numbers(self, "drops", low=0)
        if list(self.drops) != sorted(self.drops):
            raise InputError(f"ScheduleConfig.drops must rise, got {self.drops}")
        if self.drops and self.kind != "steps":
            raise InputError(f"ScheduleConfig.drops are for kind 'steps', got {self.kind!r}")


TrainingPrecision = Literal["auto", "float32", "bfloat16", "float16"]


TENSOR_CORES = (7, 0)
"""Compute capability of the first GPUs that multiply float16 fast."""


def native_precision(device: str) -> TrainingPrecision:
    """The faster number type of a device, for :attr:`OptimizationConfig.precision`.

    GPUs without instructions for bfloat16 compute in float16 fast, from those with tensor cores on.
    """
    if computes_bfloat16(device):
        return "bfloat16"
    gpu = torch.device(device).type == "cuda"
    return "float16" if gpu and torch.cuda.get_device_capability() >= TENSOR_CORES else "float32"


def half_precision(precision: TrainingPrecision) -> torch.dtype | None:
    """The type that convolutions compute with; None: float32."""
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision)


def gradient_scaler(config: "OptimizationConfig", *, device: torch.device) -> torch.amp.GradScaler:
    """Scales losses so that float16 resolves their gradients; does nothing for other types.

    Raises:
        InputError: If float16 is asked of a processor, which does not compute with it.
    """
    half = config.precision == "float16"
    if half and device.type != "cuda":
        raise InputError(
            f"OptimizationConfig.precision 'float16' needs a GPU, got device {device.type!r}; "
            "take auto"
        )
    return torch.amp.GradScaler(device.type, enabled=half)


@dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """AdamW, or SGD with momentum; and an averaged copy of the weights."""

    steps: int
    """Number of batches."""

    method: Literal["adamw", "sgd"] = "adamw"
    """``sgd``: with momentum, as published."""

    for_batch: int | None = None
    """The batch that rates and steps are meant for. With another one, rates change in proportion,
    and steps and drops in inverse proportion; the warm-up stays. None: they are taken as they are.
    """

    learning_rate: float = 5e-4
    """Largest rate, above 0."""

    slow_rate: float = 3e-5
    """Largest rate of ``slow`` parts, above 0. Trained parts without normalisation are spoilt by
    rates far below the ordinary one."""

    slow: tuple[str, ...] = ()
    """Prefixes of the names of these parts' parameters."""

    frozen: tuple[str, ...] = ()
    """Prefixes of the names of parameters that never change."""

    weight_decay: float = 0.02
    """Decay of weights; biases and single numbers do not decay."""

    momentum: float = 0.9
    """Share of the last change that a step repeats, in [0, 1); for ``sgd``."""

    bias_rate: float = 1.0
    """How much faster biases and single numbers change than weights."""

    average: float = 0.999
    """Share of the averaged weights that a step keeps, in [0, 1); less in the first steps."""

    clip: float = 8.0
    """The gradients are scaled down if their common norm exceeds this."""

    precision: TrainingPrecision = "auto"
    """Number type of convolutions; weights and losses stay in float32. ``auto``: ``bfloat16`` where
    the processor computes with it natively, else ``float16`` on GPUs that do, else ``float32``."""

    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    """The rate over time."""

    most_skipped: int = field(default=20, compare=False)
    """Steps in a row that may be skipped because a loss or a gradient is not finite."""

    def __post_init__(self) -> None:
        above = ("steps", "learning_rate", "slow_rate", "clip", "bias_rate")
        check_numbers(self, *above, above=0)
        check_numbers(self, "for_batch", low=1)
        check_numbers(self, "average", "momentum", low=0, below=1)
        check_numbers(self, "most_skipped", "weight_decay", low=0)


def scaled(config: OptimizationConfig, *, batch: int) -> OptimizationConfig:
    """The settings for a batch, made from those that are meant for :attr:`~.for_batch`.

    Source: the linear scaling rule of Goyal et al., "Accurate, Large Minibatch SGD", 2017, by which
    the published schedules for 4 and 8 GPUs differ.
    """
    if config.for_batch is None:
        return config
    factor = batch / config.for_batch
    drops = tuple(round(drop / factor) for drop in config.schedule.drops)
    return replace(
        config,
        for_batch=None,
        steps=round(config.steps / factor),
        learning_rate=config.learning_rate * factor,
        slow_rate=config.slow_rate * factor,
        schedule=replace(config.schedule, drops=drops),
    )


def rate_factor(step: int, *, steps: int, config: ScheduleConfig) -> float:
    """Factor on the learning rate at a step, from 0."""
    if config.kind == "steps":
        factor = 0.1 ** sum(step >= drop for drop in config.drops)
    else:
        progress = min(step / max(steps, 1), 1)
        factor = config.final + (1 - config.final) * (1 + math.cos(math.pi * progress)) / 2
    if step < config.warmup:
        start = config.warmup_start
        factor *= start + (1 - start) * step / config.warmup
    return factor


def freeze(network: nn.Module, config: OptimizationConfig) -> None:
    """Exclude the frozen parameters from the gradient; those the network froze stay frozen."""
    for name, parameter in network.named_parameters():
        if config.frozen and name.startswith(config.frozen):
            parameter.requires_grad_(False)


def optimizer_for(network: nn.Module, config: OptimizationConfig) -> torch.optim.Optimizer:
    """An optimiser over what is not frozen; each group has its largest rate as ``full_rate``.

    Raises:
        InputError: If a prefix fits no parameter, which is most likely a mistake, or if all
            parameters are frozen.
    """
    names = [name for name, _ in network.named_parameters()]
    for prefix in (*config.slow, *config.frozen):
        if not any(name.startswith(prefix) for name in names):
            raise InputError(f"OptimizationConfig: no parameter begins with {prefix!r}")
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            slow = bool(config.slow) and name.startswith(config.slow)
            groups.setdefault((slow, parameter.ndim > 1), []).append(parameter)
    if not groups:
        raise InputError(
            f"OptimizationConfig.frozen: {list(config.frozen)} leaves no parameter to train"
        )
    settings = [
        {
            "params": parameters,
            "lr": 0.0,
            "full_rate": (config.slow_rate if slow else config.learning_rate)
            * (1.0 if decays else config.bias_rate),
            "weight_decay": config.weight_decay if decays else 0.0,
        }
        for (slow, decays), parameters in groups.items()
    ]
    if config.method == "sgd":
        return torch.optim.SGD(settings, momentum=config.momentum, fused=True)
    return torch.optim.AdamW(settings, fused=True)


def apply_gradients(
    optimizer: torch.optim.Optimizer,
    *,
    step: int,
    config: OptimizationConfig,
    scaler: torch.amp.GradScaler | None = None,
) -> float:
    """Change the weights by one step, unless a gradient is not finite.

    Args:
        optimizer: From :func:`optimizer_for`; its gradients are gone afterwards.
        step: From 0.
        config: The rates, and the norm to clip to.
        scaler: That the losses were scaled by.

    Returns:
        The common norm of the gradients before clipping.
    """
    factor = rate_factor(step, steps=config.steps, config=config.schedule)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if scaler is not None:
        scaler.unscale_(optimizer)
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    length = float(norm)
    if length > config.clip:  # else it would multiply everything by one
        torch.nn.utils.clip_grads_with_norm_(parameters, config.clip, norm)
    for group in optimizer.param_groups:
        group["lr"] = group["full_rate"] * factor
    if math.isfinite(length):
        optimizer.step()
    if scaler is not None:
        scaler.update()
    optimizer.zero_grad(set_to_none=True)
    return length


@torch.no_grad()
def update_average(
    average: Iterable[Tensor], current: Iterable[Tensor], *, step: int, config: OptimizationConfig
) -> None:
    """Move the averaged weights towards the current ones; faster at the start of a run."""
    # an average that starts from untrained weights would carry them along for 1000 steps
    keep = min(config.average, (1 + step) / (10 + step))
    for mean, now in zip(average, current, strict=True):
        mean.lerp_(now, 1 - keep)
