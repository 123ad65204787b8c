import os

import pytest

from posetube.errors import InputError
from posetube.models3d.devices import choose_device
from posetube.pipelines.loaded_model import load_model


def test_the_choice_comes_with_its_reason() -> None:
    assert choose_device().reason
    assert choose_device("cpu").name == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "abacus", "meta:x"])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"no device '{name}' here; choose auto, cpu"):
        choose_device(name)


@pytest.mark.slow
def test_loading_a_network_asks_threads_to_wait_without_spinning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)

    load_model("tiny", device="cpu", runtime="torch")

    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
