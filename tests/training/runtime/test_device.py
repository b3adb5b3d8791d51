"""Where training runs."""

from collections.abc import Iterator

import pytest
import torch

from training.errors import ConfigError
from training.runtime.device import has_fast_bfloat16, resolve_device, unsupported_gpu

pytestmark = pytest.mark.training


@pytest.fixture(autouse=True)
def _looked_at_anew() -> Iterator[None]:
    unsupported_gpu.cache_clear()
    yield
    unsupported_gpu.cache_clear()


def pretend_gpu(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], built_for: list[str]
) -> None:
    """Let PyTorch find a GPU of some compute capability, and say what it was built for."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: built_for)


def test_the_device_is_what_was_asked_for() -> None:
    assert resolve_device("cpu").type == "cpu"


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(ConfigError, match="PyTorch finds no GPU"):
        resolve_device("cuda")


def test_each_process_of_a_launcher_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, (9, 0), ["sm_80", "sm_90"])
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert resolve_device("auto") == torch.device("cuda", 3)


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ((8, 6), ["sm_75", "sm_80"], True),
        ((7, 0), ["sm_75", "sm_80"], False),
        ((12, 1), ["sm_90", "sm_120"], True),
        ((10, 3), ["sm_90", "compute_90"], True),
        ((10, 3), ["sm_90a"], False),
    ],
)
def test_a_gpu_that_pytorch_was_not_built_for_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], built_for: list[str], runs: bool
) -> None:
    pretend_gpu(monkeypatch, capability, built_for)
    assert resolve_device("auto").type == ("cuda" if runs else "cpu")
    if not runs:
        major, minor = capability
        with pytest.raises(ConfigError, match=rf"capability {major}\.{minor}\); install a build"):
            resolve_device("cuda")


@pytest.mark.parametrize("tiles", [True, False])
def test_a_cpu_computes_in_bfloat16_only_with_amx(
    monkeypatch: pytest.MonkeyPatch, tiles: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert has_fast_bfloat16(torch.device("cpu")) is tiles
