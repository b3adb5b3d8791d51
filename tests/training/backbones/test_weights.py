"""Reading weights: every usual form is read, no code is ever run."""

import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.backbones.weights import (
    load_into_trunk,
    packaged_efficientnet_lite0,
    read_state_dict,
)
from training.errors import WeightsError

pytestmark = pytest.mark.training

TENSORS = {"conv.weight": torch.arange(6.0).view(2, 3), "conv.bias": torch.ones(2)}


class Payload:
    """What an attacker puts into a checkpoint: unpickling it would write a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


def assert_same(found: object) -> None:
    assert isinstance(found, dict)
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[key], TENSORS[key]) for key in TENSORS)


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w.safetensors")
    assert_same(read_state_dict(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
def test_a_checkpoint_of_plain_tensors_is_read(tmp_path: Path, suffix: str) -> None:
    torch.save(TENSORS, tmp_path / f"w{suffix}")
    assert_same(read_state_dict(tmp_path / f"w{suffix}"))


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict", "net", "weights"])
def test_a_trainers_wrapping_is_taken_off(tmp_path: Path, wrapper: str) -> None:
    torch.save({"epoch": 3, wrapper: TENSORS}, tmp_path / "w.pth")
    assert_same(read_state_dict(tmp_path / "w.pth"))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_the_prefixes_of_parallel_and_compiled_networks_are_taken_off(
    tmp_path: Path, prefix: str
) -> None:
    torch.save({f"{prefix}{key}": value for key, value in TENSORS.items()}, tmp_path / "w.pth")
    assert_same(read_state_dict(tmp_path / "w.pth"))


def test_a_checkpoint_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    target = tmp_path / "owned"
    torch.save({"state_dict": TENSORS, "extra": Payload(target)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="running code"):
        read_state_dict(tmp_path / "w.pth")
    assert not target.exists()


# PyTorch warns of the protocol before it refuses what is inside.
@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "owned"
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Payload(target), protocol=protocol))
    with pytest.raises(WeightsError, match=r"'w\.pth'"):
        read_state_dict(tmp_path / "w.pth")
    assert not target.exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("left", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, left: float) -> None:
    file = tmp_path / f"w{suffix}"
    save_file(TENSORS, file) if suffix == ".safetensors" else torch.save(TENSORS, file)
    data = file.read_bytes()
    file.write_bytes(data[: int(left * len(data))])
    with pytest.raises(WeightsError, match="damaged"):
        read_state_dict(file)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_another_kind_of_file_is_refused(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"w{suffix}"
    file.write_text("<html>404 not found</html>" * 100)
    with pytest.raises(WeightsError, match="damaged"):
        read_state_dict(file)


def test_a_missing_file_is_refused_by_its_path(tmp_path: Path) -> None:
    for file in (tmp_path / "nowhere.pth", tmp_path):
        with pytest.raises(WeightsError, match="does not exist"):
            read_state_dict(file)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], torch.ones(3)])
def test_a_file_without_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="no named tensors"):
        read_state_dict(tmp_path / "w.pth")


def trunk() -> nn.Module:
    """Return a network without its head."""
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_an_old_classifier_is_dropped_and_listed() -> None:
    weights: dict[str, Tensor] = {
        **trunk().state_dict(),
        "fc.weight": torch.ones(1),
        "fc.bias": torch.ones(1),
    }
    weights["0.weight"] = torch.full((2, 3), 7.0)
    network = trunk()
    assert load_into_trunk(network, weights, name="toy") == ["fc.bias", "fc.weight"]
    assert torch.equal(network.state_dict()["0.weight"], weights["0.weight"])


def test_the_step_counter_of_batchnorm_may_be_missing() -> None:
    weights = {k: v for k, v in trunk().state_dict().items() if "num_batches" not in k}
    assert load_into_trunk(trunk(), weights, name="toy") == []


def test_weights_of_another_network_are_refused_with_what_is_missing() -> None:
    weights = {k: v for k, v in trunk().state_dict().items() if not k.startswith("1.")}
    with pytest.raises(WeightsError, match=r"'toy': 4 of its 7 .*1\.weight, 1\.bias"):
        load_into_trunk(trunk(), weights, name="toy")


def test_weights_of_another_width_are_refused_with_both_shapes() -> None:
    weights = {**trunk().state_dict(), "0.weight": torch.ones(5, 3)}
    with pytest.raises(WeightsError, match=r"0\.weight is \(5, 3\), needs \(2, 3\)"):
        load_into_trunk(trunk(), weights, name="toy")


def test_the_packaged_weights_fit_the_default_backbone_in_every_shape() -> None:
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    tensors, info = packaged_efficientnet_lite0(network)
    own = network.state_dict()
    needed = [key for key in own if not key.endswith("num_batches_tracked")]
    assert all(tensors[key].shape == own[key].shape for key in needed)
    assert info.licence == "apache-2.0"
    assert info.sha256 is not None
    assert len(info.sha256) == 64
