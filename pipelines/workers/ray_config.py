"""What workers of a cluster are given. Importing this file does not import Ray."""

from dataclasses import dataclass

from posetube.setting_checks import check_numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class RayConfig:
    """What a worker is given of a machine, and where its results go."""

    cpus: int = 1
    """Cores per worker; it looks at as many frames side by side."""

    gpus: float = 0.0
    """GPUs per worker; with 0.25, four workers share one."""

    gather: bool = False
    """Whether machines that do not see the results' folder send their runs to it; else they are
    refused."""

    def __post_init__(self) -> None:
        check_numbers(self, "cpus", low=1)
        check_numbers(self, "gpus", low=0)
