"""What ``posetube bench`` found: a record for machines, and lines for people."""

from collections.abc import Iterator
from dataclasses import dataclass

from posetube.network import Runtime

from .compared_settings import ComparedSetting


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchReport:
    """All numbers of one benchmark."""

    video: str
    size: tuple[int, int]
    """(H, W) of its frames, pixels."""

    frames: int
    """How many were looked at."""

    model: str
    runtime: Runtime
    device: str
    workers: int
    stages: dict[str, float]
    """Milliseconds per frame in one thread, by stage."""

    crops_per_frame: float
    network_rate: float
    """Frames per second of the network alone, with all workers."""

    pipeline_rate: float
    """Frames per second from the file to tracks, in a process of its own."""

    convolution_gflops: float | None
    """Best rate of a plain convolution with all workers, 10^9 operations per second; None: the
    network does not run on the processor."""

    network_gflops: float | None
    """The rate of the network's convolutions; None where they cannot be counted."""

    start_seconds: float
    """From the start of a process to the first frame's people."""

    peak_bytes: int | None
    """Most memory of that process."""

    settings: tuple[ComparedSetting, ...]
    suggestion: str
    versions: dict[str, str]
    machine: str

    @property
    def pipeline_share(self) -> float:
        """The whole pipeline's rate over the network's."""
        return self.pipeline_rate / self.network_rate

    def lines(self) -> Iterator[str]:
        """The table, line by line."""
        height, width = self.size
        yield (
            f"video       {self.video}: {width} x {height}, the first {self.frames} frames, "
            f"{self.crops_per_frame:.1f} crops per frame"
        )
        yield f"network     {self.model} by {self.runtime} on {self.device}, {self.workers} workers"
        yield ""
        yield "stage                    ms/frame, one thread"
        for name, milliseconds in self.stages.items():
            yield f"  {name:22s} {milliseconds:8.2f}"
        yield ""
        yield f"network alone            {self.network_rate:8.1f} frames/s"
        yield (
            f"file to tracks           {self.pipeline_rate:8.1f} frames/s, "
            f"{100 * self.pipeline_share:.0f} % of the network alone"
        )
        yield from self._ceiling()
        yield f"start to first frame     {self.start_seconds:8.2f} s"
        if self.peak_bytes is not None:
            yield f"peak memory              {self.peak_bytes / 1e6:8.0f} MB"
        yield ""
        yield "setting (against the first)         frames/s  people found  mean OKS"
        for one in self.settings:
            yield f"  {one.words:33s} {one.rate:8.1f}  {100 * one.found:10.1f} %  {one.oks:8.3f}"
        yield ""
        yield self.suggestion

    def _ceiling(self) -> Iterator[str]:
        if self.convolution_gflops is None:
            return
        line = f"plain convolution        {self.convolution_gflops:8.1f} GFLOP/s"
        if self.network_gflops is not None:
            share = 100 * self.network_gflops / self.convolution_gflops
            line += f"; the network reaches {self.network_gflops:.1f}, {share:.0f} %"
        yield line
