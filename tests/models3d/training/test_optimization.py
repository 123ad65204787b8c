"""Which weights change, how fast, and when."""

import json
import math
import os
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from posetube.errors import InputError
from posetube.models3d.training.optimization import (
    OptimizationConfig,
    ScheduleConfig,
    apply_gradients,
    freeze,
    optimizer_for,
    rate_factor,
    scaled,
    update_average,
)

DOCS = Path(__file__).parents[3] / "docs"
SHARED = Path(__file__).parents[3].parent / "shared"
GOLDEN = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "units" / "lr_schedule.npz"


def network() -> nn.Module:
    return nn.ModuleDict(
        {"body": nn.Linear(3, 3), "neck": nn.Linear(3, 3), "head": nn.Linear(3, 1)}
    )


def config(**settings: object) -> OptimizationConfig:
    return OptimizationConfig(**{"steps": 100, **settings})  # type: ignore[arg-type]


def step(model: nn.Module, settings: OptimizationConfig, *, number: int = 50) -> None:
    freeze(model, settings)
    optimizer = optimizer_for(model, settings)
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    nn.Sequential(*model.children())(x).sum().backward()
    apply_gradients(optimizer, step=number, config=settings)


def test_cosine_rises_then_falls_to_its_final_share() -> None:
    schedule = ScheduleConfig(warmup=10, final=0.1)

    factors = [rate_factor(step, steps=100, config=schedule) for step in range(101)]

    assert factors[0] == 0
    assert max(factors) == pytest.approx(factors[10])
    assert factors[100] == pytest.approx(0.1)
    assert all(a > b for a, b in pairwise(factors[10:]))


@pytest.mark.skipif(not GOLDEN.is_file(), reason=f"{GOLDEN} is absent; set POSETUBE_GOLDEN")
def test_golden_learning_rate_of_the_original() -> None:
    golden = np.load(GOLDEN, allow_pickle=False)
    setting = json.loads(GOLDEN.with_suffix(".json").read_text())
    schedule = ScheduleConfig(
        kind="steps",
        drops=tuple(setting["STEPS"][1:]),
        warmup=setting["WARM_UP_ITERS"],
        warmup_start=setting["WARM_UP_FACTOR"],
    )

    found = [
        setting["BASE_LR"] * rate_factor(int(i), steps=setting["MAX_ITER"], config=schedule)
        for i in golden["iterations"]
    ]

    np.testing.assert_allclose(found, golden["lr"], rtol=1e-5)


def test_frozen_parts_stay_bit_identical_and_others_move() -> None:
    torch.manual_seed(0)
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    step(model, config(frozen=("body.",)))

    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("body."), name


def test_slow_parts_move_less() -> None:
    torch.manual_seed(0)
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    step(model, config(slow=("body.",), slow_rate=1e-6, learning_rate=1e-3))

    moved = {n: float((v - before[n]).abs().max()) for n, v in model.state_dict().items()}
    assert 0 < moved["body.weight"] < 0.01 * moved["neck.weight"]


def test_biases_do_not_decay() -> None:
    optimizer = optimizer_for(network(), config(weight_decay=0.5))

    decays = {p.ndim: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}

    assert decays == {2: 0.5, 1: 0.0}


def test_a_prefix_that_fits_nothing_is_a_slip() -> None:
    with pytest.raises(InputError, match="no parameter begins with 'bodi'"):
        optimizer_for(network(), config(frozen=("bodi",)))


def test_parameters_that_are_all_frozen_are_a_slip() -> None:
    frozen = network()
    freeze(frozen, config(frozen=("",)))

    with pytest.raises(InputError, match=r"frozen: \[''\] leaves no parameter to train"):
        optimizer_for(frozen, config(frozen=("",)))


def test_average_follows_quickly_at_first_and_slowly_later() -> None:
    early, late, now = torch.zeros(1), torch.zeros(1), torch.ones(1)

    update_average([early], [now], step=0, config=config())
    update_average([late], [now], step=1_000_000, config=config())

    assert early.item() == pytest.approx(0.9)
    assert late.item() == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "OptimizationConfig.learning_rate must be above 0, got 0"),
        ({"steps": 0}, "OptimizationConfig.steps must be above 0, got 0"),
        ({"average": 1.0}, r"OptimizationConfig.average must be in \[0, 1\), got 1.0"),
        ({"weight_decay": -1.0}, "OptimizationConfig.weight_decay must be 0 or more, got -1"),
        ({"weight_decay": math.nan}, "OptimizationConfig.weight_decay must be 0 or more, got nan"),
    ],
)
def test_settings_name_the_field_and_the_value(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(**settings)


def test_schedule_names_the_field_and_the_value() -> None:
    with pytest.raises(InputError, match=r"ScheduleConfig.final must be in \[0, 1\], got 2"):
        ScheduleConfig(final=2)
    with pytest.raises(InputError, match="ScheduleConfig.warmup must be 0 or more, got -1"):
        ScheduleConfig(warmup=-1)
    with pytest.raises(InputError, match=r"ScheduleConfig.drops must rise, got \(3, 2\)"):
        ScheduleConfig(kind="steps", drops=(3, 2))
    with pytest.raises(InputError, match="ScheduleConfig.drops must be 0 or more, got"):
        ScheduleConfig(kind="steps", drops=(-1,))
    with pytest.raises(InputError, match="drops are for kind 'steps', got 'cosine'"):
        ScheduleConfig(drops=(3,))


def test_sgd_has_momentum_and_faster_biases() -> None:
    """One step by hand: momentum begins with the gradient, weights decay, biases do not."""
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(2.0)
        model.bias.fill_(3.0)
    settings = config(
        method="sgd", learning_rate=0.1, bias_rate=2.0, momentum=0.5, weight_decay=0.25, clip=1e6,
        schedule=ScheduleConfig(kind="steps", warmup=0),
    )  # fmt: skip
    optimizer = optimizer_for(model, settings)

    for weight, bias in ((2 - 0.1 * 1.5, 3 - 0.2), (1.85 - 0.1 * (0.75 + 1.4625), 2.8 - 0.2 * 1.5)):
        model(torch.ones(1, 1)).sum().backward()
        apply_gradients(optimizer, step=1, config=settings)
        assert model.weight.item() == pytest.approx(weight)
        assert model.bias.item() == pytest.approx(bias)


@pytest.mark.parametrize(
    ("recipe", "batch", "rate", "steps", "drops"),
    [
        ("2d", 8, 0.001, 13_000, (10_000, 12_000)),
        ("2d", 4, 0.0005, 26_000, (20_000, 24_000)),
        ("2d_r18", 16, 0.001, 13_000, (10_000, 12_000)),
        ("2d_r18", 8, 0.0005, 26_000, (20_000, 24_000)),
        ("3d_r18", 16, 0.001, 13_000, (10_000, 12_000)),
        ("3d_r18", 8, 0.0005, 26_000, (20_000, 24_000)),
        ("3d_r18", 4, 0.00025, 52_000, (40_000, 48_000)),
    ],
)
def test_recipes_scale_to_the_published_schedules(
    recipe: str, batch: int, rate: float, steps: int, drops: tuple[int, ...]
) -> None:
    path = DOCS / "recipes" / f"detect_and_track_{recipe}.toml"
    given = tomllib.loads(path.read_text(encoding="utf-8"))["optimization"]
    schedule = ScheduleConfig(**{**given["schedule"], "drops": tuple(given["schedule"]["drops"])})

    made = scaled(OptimizationConfig(**{**given, "schedule": schedule}), batch=batch)

    assert made.learning_rate == pytest.approx(rate)
    assert (made.steps, made.schedule.drops, made.schedule.warmup) == (steps, drops, 500)
    assert (made.method, made.momentum, made.weight_decay, made.bias_rate) == ("sgd", 0.9, 1e-4, 2)
