"""The processes that train one network together: one per device, on one machine or several.

Started by ``torchrun``, by a cluster's manager, or by this program itself for ``--device
cuda:0,1``; Lightning Fabric knows them all. Each process holds the whole network and looks at its
own part of every batch. Gradients are added up once per step, when all of them are there: a process
whose memory runs out can try again with smaller parts, while the others wait for it.

Not here: the steps (:mod:`.training_loop`).
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from posetube.errors import InputError, PoseTubeError
from posetube.optional_library import optional_library

from ...models3d.devices import choose_device
from ...models3d.training.loss_shares import LossShare
from ..failures import explain
from ..storage.run_directory import RunDirectory

PATIENCE = timedelta(days=2)
"""How long processes wait for the first one, which draws pictures, measures and writes."""

BUCKET = 16 * 2**20
"""Numbers of gradients that are sent in one go."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class TrainingProcesses:
    """This process among those that train together."""

    fabric: Any
    """Lightning Fabric's, launched."""

    @property
    def index(self) -> int:
        """This process's number, from 0."""
        return int(self.fabric.global_rank)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.fabric.world_size)

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        device: torch.device = self.fabric.device
        return device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks to people."""
        return self.index == 0

    def places(self, batch: int) -> range:
        """Which of a batch's clips are this process's.

        Raises:
            InputError: If they cannot be shared evenly.
        """
        if batch % self.count:
            raise InputError(
                f"a batch of {batch} cannot be shared evenly by {self.count} processes; set "
                "batch to a multiple of their number"
            )
        each = batch // self.count
        return range(self.index * each, (self.index + 1) * each)

    def by_first(self, work: Callable[[], Result]) -> Result:
        """Let the first process do something, and give all of them what comes of it.

        Raises:
            PoseTubeError: What the first process raised; the others leave without a word.
        """
        if self.count == 1:
            return work()
        result: Any = None
        failure: BaseException | None = None
        if self.is_first:
            try:
                result = work()
            except BaseException as error:
                failure = error
        code = explain(failure).exit_code if isinstance(failure, PoseTubeError) else bool(failure)
        code, result = self.fabric.broadcast((code, result))
        if failure is not None:
            raise failure
        if code:
            sys.exit(code)
        return result  # type: ignore[no-any-return]

    def any(self, mine: bool) -> bool:
        """Whether something is so in any of the processes."""
        return mine if self.count == 1 else self.total(mine) > 0

    def means(self, shares: dict[str, LossShare]) -> tuple[dict[str, Tensor], dict[str, float]]:
        """What this process minimises, and the losses of all.

        The sum of the processes' gradients is that of one process with the whole batch.
        """
        totals = torch.stack([share.total.detach().float() for share in shares.values()])
        counts = torch.stack([share.count for share in shares.values()])
        if self.count > 1:
            totals, counts = self._sum(torch.stack([totals, counts]))
        least = counts.new_tensor([share.least for share in shares.values()])
        counts = torch.maximum(counts, least)
        mine = {name: share.total / counts[place] for place, (name, share) in _numbered(shares)}
        return mine, dict(zip(shares, (totals / counts).tolist(), strict=True))

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the sum of all processes' gradients."""
        if self.count == 1:
            return
        trained = [each for each in parameters if each.requires_grad]
        there = torch.tensor([each.grad is not None for each in trained], device=self.device)
        known = self._sum(there.float()).tolist()
        wanted = [each for each, processes in zip(trained, known, strict=True) if processes]
        for parameter in wanted:
            if parameter.grad is None:  # for this part others' clips had somebody, ours nobody
                parameter.grad = torch.zeros_like(parameter)
        for gradients in _buckets([each.grad for each in wanted if each.grad is not None]):
            flat = self._sum(torch.cat([each.flatten() for each in gradients]))
            sizes = [each.numel() for each in gradients]
            for each, part in zip(gradients, flat.split_with_sizes(sizes), strict=True):
                each.copy_(part.view_as(each))

    def total(self, number: int) -> int:
        """The sum of all processes' numbers."""
        return int(self._sum(torch.tensor(float(number), device=self.device)))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            self.fabric.barrier()

    @contextmanager
    def locked(self, folder: Path) -> Iterator[None]:
        """Keep other runs off a folder within the block.

        Raises:
            InputError: If another process is at work there.
        """
        lock = RunDirectory(folder).locked()
        self.by_first(lock.__enter__)
        try:
            yield
        finally:
            if self.is_first:
                lock.__exit__(None, None, None)

    def _sum(self, values: Tensor) -> Tensor:
        added: Tensor = self.fabric.all_reduce(values, reduce_op="sum")
        return added


def open_processes(device: str = "auto") -> TrainingProcesses:
    """Join the processes that train together, or start them.

    Args:
        device: ``auto``, or any of torch's; ``cuda:0,1`` are two, each with a process of its own;
            ``cpu:0,1`` are two processes on one processor.
            Under ``torchrun`` every process of a machine takes one device of the kind.

    Raises:
        InputError: If there is no such device.
        MissingExtraError: If Lightning Fabric is not installed.
    """
    library = optional_library("lightning_fabric", purpose="training", install="posetube[train]")
    kind, numbers = _devices(device)
    machines, each = _started_by_others()
    if machines * each > 1 and numbers:
        raise InputError(
            f"--device {device}: the program that started the {machines * each} processes gives "
            f"each its device; write --device {kind}"
        )
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of each process
    processes = each or len(numbers) or 1
    several = machines * processes > 1
    fabric = library.Fabric(
        accelerator=kind,
        devices=numbers if numbers and kind == "cuda" else processes,
        num_nodes=machines,
        strategy=library.strategies.DDPStrategy(timeout=PATIENCE) if several else "auto",
    )
    fabric.launch()
    return TrainingProcesses(fabric=fabric)


def is_first_process() -> bool:
    """Whether this process speaks to people, before it has joined the others."""
    return int(os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or 0) == 0


def _devices(device: str) -> tuple[str, list[int]]:
    """The kind of device, and the numbers of those that were named."""
    if "," not in device:
        kind, _, listed = choose_device(device).name.partition(":")
        return kind, [int(listed)] if listed else []
    kind, _, listed = device.partition(":")
    try:
        numbers = [int(number.removeprefix(f"{kind}:")) for number in listed.split(",")]
    except ValueError:
        raise InputError(f"--device {device}: expected numbers as in cuda:0,1") from None
    if len(set(numbers)) < len(numbers):
        raise InputError(f"--device {device}: each device can be named once")
    for number in numbers:
        choose_device(f"{kind}:{number}")
    return kind, numbers


def _started_by_others() -> tuple[int, int]:
    """Machines, and processes on each; 0 where nobody started several."""
    world, here = (int(os.environ.get(name, 0)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    return (world // here, here) if world > 1 and here else (1, 0)


def _numbered(shares: dict[str, LossShare]) -> Iterable[tuple[int, tuple[str, LossShare]]]:
    return enumerate(shares.items())


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The gradients in the same order, some at a time."""
    sizes, total = [], 0
    for each in gradients:
        total += each.numel()
        sizes.append(total // BUCKET)
    for _, members in groupby(zip(sizes, gradients, strict=True), key=lambda pair: pair[0]):
        yield [gradient for _, gradient in members]
