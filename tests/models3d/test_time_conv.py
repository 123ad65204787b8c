import pytest
import torch
from torch import Tensor
from torch.nn import functional

from posetube.errors import InputError
from posetube.models3d.time_conv import Separable, TimeConv, to_channels_last


def clips(*, length: int, channels: int = 4) -> Tensor:
    return torch.randn(2 * length, channels, 6, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("time", [3, 5])
@pytest.mark.parametrize("groups", [1, 4])
def test_a_time_kernel_is_a_3d_convolution(length: int, time: int, groups: int) -> None:
    layer = TimeConv(4, 8, 3, time=time, groups=groups)
    torch.nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    maps = clips(length=length)

    ours = layer(maps, length)

    video = torch.unflatten(maps, 0, (2, length)).transpose(1, 2)
    theirs = functional.conv3d(
        video, layer.weight, layer.bias, padding=(time // 2, 1, 1), groups=groups
    )
    torch.testing.assert_close(ours, theirs.transpose(1, 2).flatten(0, 1), rtol=1e-5, atol=1e-5)


def test_replicate_padding_repeats_the_ends() -> None:
    layer = TimeConv(4, 4, 3, time=3, time_padding="replicate")
    maps = clips(length=3)

    ours = layer(maps, 3)

    video = torch.unflatten(maps, 0, (2, 3)).transpose(1, 2)
    padded = functional.pad(video, (0, 0, 0, 0, 1, 1), mode="replicate")
    theirs = functional.conv3d(padded, layer.weight, layer.bias, padding=(0, 1, 1))
    torch.testing.assert_close(ours, theirs.transpose(1, 2).flatten(0, 1), rtol=1e-5, atol=1e-5)


def test_clips_of_a_batch_do_not_mix() -> None:
    layer = TimeConv(4, 4, 3, time=3)
    maps = clips(length=3)
    changed = maps.clone()
    changed[3:] += 1

    assert torch.equal(layer(maps, 3)[:3], layer(changed, 3)[:3])


def test_memory_order_does_not_change_the_numbers() -> None:
    layer = Separable(4, 4, time=3)
    maps = clips(length=3)
    before = layer(maps, 3)

    to_channels_last(layer)

    torch.testing.assert_close(layer(maps, 3), before)


@pytest.mark.parametrize("time", [0, 2])
def test_even_time_kernels_are_refused(time: int) -> None:
    with pytest.raises(InputError, match=f"odd numbers of frames from 1, got {time}"):
        TimeConv(4, 4, 3, time=time)
