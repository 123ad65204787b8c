"""The scripts in examples/ancestors: each shows what its paper is about, with a known answer."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

FOLDER = Path(__file__).parents[1] / "examples" / "ancestors"


def script(name: str) -> Any:
    return runpy.run_path(str(FOLDER / f"{name}.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_it_prints_its_answer(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    script(name)["main"]()

    assert capsys.readouterr().out


def test_a_classifier_over_the_whole_picture_equals_sliding_windows() -> None:
    overfeat = script("overfeat")
    torch.manual_seed(1)
    network, picture = overfeat["classifier"]().eval(), torch.rand(1, 1, 46, 30)

    with torch.inference_mode():
        dense = overfeat["as_convolutions"](network)(picture)
        slid = overfeat["by_windows"](network, picture)

    assert slid.shape == (1, 2, 9, 5)
    torch.testing.assert_close(dense, slid, atol=1e-5, rtol=0)


def test_each_part_of_a_region_reads_its_own_map() -> None:
    votes = script("r_fcn")["votes"]
    # eight maps, the class's parts one after the other, each of one value
    maps = torch.arange(8.0)[None, :, None, None].expand(1, 8, 12, 12).contiguous()

    found = votes(maps, torch.tensor([[0.0, 2, 2, 8, 8]]))

    assert found.tolist() == [[1.5, 5.5]]


def test_places_in_a_region_are_told_apart() -> None:
    r_fcn = script("r_fcn")
    images, regions, upright = r_fcn["pictures"](100, seed=7)
    network = r_fcn["trained"]()

    found = network(images, regions).argmax(dim=1)

    assert (found == upright).float().mean() > 0.95


def test_enlarging_begins_as_interpolation() -> None:
    maps = torch.rand(1, 2, 6, 6)

    found = script("fcn")["bilinear"](2, factor=2)(maps)

    wanted = functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    inner = slice(2, -2)  # beyond the border the layer sees zeros, interpolation the last cell
    torch.testing.assert_close(found[..., inner, inner], wanted[..., inner, inner])


def test_shape_tells_discs_better_than_brightness() -> None:
    fcn = script("fcn")
    images, discs = fcn["pictures"](32, seed=5)
    bright = images[:, 0] > 0.5

    found = fcn["overlap"](fcn["trained"](), images, discs)

    assert found > 0.1 + float((bright & (discs > 0)).sum() / (bright | (discs > 0)).sum())
