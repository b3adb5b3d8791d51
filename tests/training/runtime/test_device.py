"""Where training runs."""

import pytest
import torch

from training.errors import ConfigError
from training.runtime.device import has_fast_bfloat16, resolve_device

pytestmark = pytest.mark.training


def test_the_device_is_what_was_asked_for() -> None:
    assert resolve_device("cpu").type == "cpu"


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(ConfigError, match="PyTorch finds no GPU"):
        resolve_device("cuda")


def test_each_process_of_a_launcher_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert resolve_device("auto") == torch.device("cuda", 3)


@pytest.mark.parametrize("tiles", [True, False])
def test_a_cpu_computes_in_bfloat16_only_with_amx(
    monkeypatch: pytest.MonkeyPatch, tiles: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert has_fast_bfloat16(torch.device("cpu")) is tiles
