"""The configuration of a synthetic clip: :class:`SceneConfig`."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from posetube.errors import InputError
from posetube.quantities import Seconds

from .actor import Role
from .camera import CameraKind


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What a synthetic clip shows."""

    people: int = 4
    """Number of people per shot, 1 to 10."""

    seconds: Seconds = 4.0
    """Length of the clip."""

    rate: float = 25.0
    """Frames per second."""

    size: tuple[int, int] = (360, 640)
    """(H, W), pixels."""

    camera: CameraKind = "static"
    """How the camera moves."""

    roles: tuple[Role, ...] = ("cross", "cross", "stay", "enter", "leave", "roam")
    """What people do; each takes the next of these, again from the first when they run out."""

    person_height: tuple[float, float] = (0.4, 0.8)
    """Heights of the farthest and of the nearest person, as shares of the picture's height."""

    occluders: int = 1
    """Number of pillars, bushes and boards among the people."""

    same_clothes: bool = False
    """Whether all people wear the same clothes."""

    motion_blur: float = 0.0
    """Share of a frame's time for which the shutter is open, in [0, 1]."""

    noise: float = 3.0
    """Standard deviation of the sensor's noise, in levels of 255."""

    light_change: float = 0.0
    """How much the brightness varies, as a share of it, in [0, 0.9]."""

    dropped: float = 0.0
    """Share of the frames that are left out, which leaves gaps in time, in [0, 0.9]."""

    duplicated: float = 0.0
    """Share of the frames that repeat the frame before, in [0, 0.9]."""

    shots: int = 1
    """Number of shots; each has a scene and people of its own."""

    mocap: Path | None = None
    """Folder with motion capture (``.npz``, ``.amc``, ``.bvh``) that some people follow."""

    def __post_init__(self) -> None:
        _check_range(self, "people", 1, 10)
        _check_range(self, "shots", 1, 100)
        _check_range(self, "occluders", 0, 20)
        _check_range(self, "seconds", 0.04, 3600)
        _check_range(self, "rate", 1, 240)
        _check_range(self, "motion_blur", 0, 1)
        _check_range(self, "noise", 0, 64)
        for name in ("light_change", "dropped", "duplicated"):
            _check_range(self, name, 0, 0.9)
        if min(self.size) < 32 or max(self.size) > 4096:
            raise InputError(f"SceneConfig.size must be (H, W) from 32 to 4096, got {self.size}")
        low, high = self.person_height
        if not 0.02 <= low <= high <= 3:
            raise InputError(
                f"SceneConfig.person_height must rise within [0.02, 3], got {self.person_height}"
            )
        if not self.roles:
            raise InputError("SceneConfig.roles must name at least one role, got none")
        for role in self.roles:
            if role not in get_args(Role):
                raise InputError(
                    f"SceneConfig.roles: no role is called {role!r}; "
                    f"there are {', '.join(get_args(Role))}"
                )
        if self.camera not in get_args(CameraKind):
            raise InputError(
                f"SceneConfig.camera must be one of {', '.join(get_args(CameraKind))}, "
                f"got {self.camera!r}"
            )


def _check_range(config: object, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not low <= value <= high:
        kind = type(config).__name__
        raise InputError(f"{kind}.{name} must be in [{low}, {high}], got {value}")
