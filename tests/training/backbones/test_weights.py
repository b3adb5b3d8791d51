"""Reading weights: every usual form is read, no code is ever run."""

import argparse
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.backbones.weights import (
    load_into_trunk,
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


@pytest.mark.parametrize(
    ("last", "averaged"), [("state_dict", "state_dict_ema"), ("model", "model_ema")]
)
def test_averaged_weights_are_preferred(tmp_path: Path, last: str, averaged: str) -> None:
    """timm's script keeps the former pair, torchvision's the latter."""
    other = {key: value + 1 for key, value in TENSORS.items()}
    torch.save({last: other, averaged: TENSORS}, tmp_path / "w.pth")
    assert_same(read_state_dict(tmp_path / "w.pth"))


def test_an_empty_average_is_passed_over(tmp_path: Path) -> None:
    torch.save({"model_ema": {}, "model": TENSORS}, tmp_path / "w.pth")
    assert_same(read_state_dict(tmp_path / "w.pth"))


def test_what_a_trainer_notes_beside_the_weights_does_not_matter(tmp_path: Path) -> None:
    """timm and torchvision save their options as a Namespace, and measures as numbers of NumPy."""
    noted = {"args": argparse.Namespace(lr=0.1), "metric": np.float64(81.5), "best": np.float32(1)}
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1, momentum=0.9)
    checkpoint = {"state_dict": TENSORS, "optimizer": optimizer.state_dict(), **noted}
    torch.save(checkpoint, tmp_path / "w.pth.tar")
    assert_same(read_state_dict(tmp_path / "w.pth.tar"))


def test_a_checkpoint_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    target = tmp_path / "owned"
    torch.save({"state_dict": TENSORS, "extra": Payload(target)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"running code from it \(.*getattr.*state_dict\(\)"):
        read_state_dict(tmp_path / "w.pth")
    assert not target.exists()


def test_a_whole_network_is_refused_with_its_class_and_the_way_to_convert_it(
    tmp_path: Path,
) -> None:
    torch.save(nn.Sequential(nn.Linear(3, 2)), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"torch\.nn\.modules.*torch\.save\(network\.state_dict"):
        read_state_dict(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning", "ignore:.*TorchScript:UserWarning")
def test_a_torchscript_program_is_refused_by_its_kind(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(3, 2)), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="TorchScript program"):
        read_state_dict(tmp_path / "w.pt")


def test_an_exported_model_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x0a")
    with pytest.raises(WeightsError, match="cannot be read back; give the checkpoint"):
        read_state_dict(tmp_path / "model.onnx")


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
    for file, what in ((tmp_path / "nowhere.pth", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(WeightsError, match=what):
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


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "backbone.", "net.", "module._orig_mod.backbone."]
)
def test_what_trainers_put_before_the_names_is_taken_off(tmp_path: Path, prefix: str) -> None:
    """Beside a head that lies elsewhere, and a counter that torchvision's average has."""
    weights = {f"{prefix}{key}": value for key, value in trunk().state_dict().items()}
    weights |= {"head.fc.weight": torch.ones(1), "n_averaged": torch.tensor(3)}
    weights[f"{prefix}0.weight"] = torch.full((2, 3), 7.0)
    torch.save({"state_dict": weights}, tmp_path / "w.ckpt")
    network = trunk()
    unused = load_into_trunk(network, read_state_dict(tmp_path / "w.ckpt"), name="toy")
    assert unused == ["head.fc.weight", "n_averaged"]
    assert torch.equal(network.state_dict()["0.weight"], weights[f"{prefix}0.weight"])


def test_a_network_that_is_there_twice_is_not_guessed() -> None:
    one = trunk().state_dict()
    twice = {
        f"{prefix}.{key}": value for prefix in ("student", "teacher") for key, value in one.items()
    }
    with pytest.raises(WeightsError, match=r"more than once, under 'student\.', 'teacher\.'"):
        load_into_trunk(trunk(), twice, name="toy")


def test_the_same_names_deeper_inside_are_no_second_network() -> None:
    """The first name, `0.weight`, also ends the names of a part."""
    weights = {**trunk().state_dict(), "deep.0.weight": torch.ones(1)}
    assert load_into_trunk(trunk(), weights, name="toy") == ["deep.0.weight"]


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


def test_compressed_records_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(2**22)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for record in plain.infolist():
            packed.writestr(record.filename, plain.read(record))
    assert (tmp_path / "w.pth").stat().st_size < 2**20
    with pytest.raises(WeightsError, match="compressed or shared records"):
        read_state_dict(tmp_path / "w.pth")
