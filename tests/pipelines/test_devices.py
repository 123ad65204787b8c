import pytest

from posetube.errors import InputError
from posetube.pipelines.devices import choose_device


def test_the_choice_comes_with_its_reason() -> None:
    assert choose_device().reason
    assert choose_device("cpu").name == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "abacus", "meta:x"])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"--device: no device '{name}' here; choose auto, cpu"):
        choose_device(name)
