"""Bad input gets a message and exit code 2, and nothing is published."""

from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.training.conftest import Command, Outcome
from tests.training.folders import unprivileged, write_class, write_classes
from training.finetune import main
from training.run.pipeline import _check_writable

pytestmark = pytest.mark.training


def refused(outcome: Outcome, models_dir: Path, *facts: str) -> None:
    """Check the exit code, the one line of the message, and that the repository stayed empty."""
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert len(outcome.err.splitlines()) == 1
    assert "Traceback" not in outcome.out + outcome.err
    for fact in facts:
        assert fact in outcome.err
    assert list(models_dir.rglob("*")) == []


def test_a_missing_folder(command: Command, models_dir: Path, tmp_path: Path) -> None:
    refused(command(tmp_path / "nowhere"), models_dir, "nowhere", "does not exist")


def test_an_empty_folder(command: Command, models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(command(tmp_path / "empty"), models_dir, "no class folders")


def test_one_class(command: Command, models_dir: Path, tmp_path: Path) -> None:
    write_class(tmp_path / "photos" / "cat", 0, count=5)
    refused(command(tmp_path / "photos"), models_dir, "'cat'", "at least two")


def test_a_class_without_a_readable_image(
    command: Command, models_dir: Path, tmp_path: Path
) -> None:
    data = write_classes(tmp_path / "photos", ["cat", "dog"], count=5)
    for path in (data / "dog").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    refused(command(data), models_dir, "'dog'", "none can be used", "dog/image0.png")


def test_too_few_images_to_split(command: Command, models_dir: Path, tmp_path: Path) -> None:
    data = write_classes(tmp_path / "photos", ["cat", "dog"], count=1)
    refused(command(data), models_dir, "at least 2")


@pytest.mark.parametrize("name", ["../x", "a/b", "한글", ".hidden", "x" * 65, ""])
def test_a_name_that_is_not_allowed(
    command: Command, models_dir: Path, colours: Path, name: str
) -> None:
    refused(command(colours, "--name", name), models_dir, "not allowed")


def test_weights_of_another_architecture(command: Command, models_dir: Path, colours: Path) -> None:
    outcome = command(colours, backbone="test_efficientnet")
    refused(outcome, models_dir, "not for backbone 'timm/test_efficientnet'", "missing")


def test_a_weights_file_that_does_not_exist(
    command: Command, models_dir: Path, colours: Path
) -> None:
    refused(command(colours, weights="nowhere.pth"), models_dir, "nowhere.pth", "does not exist")


def test_an_unknown_backbone(command: Command, models_dir: Path, colours: Path) -> None:
    refused(command(colours, backbone="resnet19"), models_dir, "'resnet19'", "resnet18")


def test_a_gpu_that_is_not_there(
    command: Command, models_dir: Path, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refused(command(colours, "--device", "cuda"), models_dir, "--device cuda")


def test_weights_that_are_no_numbers(
    command: Command, models_dir: Path, colours: Path, weights_file: Path, tmp_path: Path
) -> None:
    tensors = load_file(weights_file)
    tensors["conv1.0.weight"][0] = float("nan")
    save_file(tensors, tmp_path / "spoilt.safetensors")
    outcome = command(colours, weights=str(tmp_path / "spoilt.safetensors"))
    refused(outcome, models_dir, "NaN or infinity", "damaged")


@pytest.mark.parametrize(
    "flags", [["--frobnicate"], ["--epochs", "many"], ["--time-budget", "soon"]]
)
def test_a_flag_that_argparse_refuses(
    colours: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(colours), *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert flags[0] in line


def test_a_models_folder_that_is_a_file(
    command: Command, models_dir: Path, colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    outcome = command(colours, "--models-dir", str(tmp_path / "file" / "models"))
    refused(outcome, models_dir, "cannot write", "--models-dir")


def test_a_file_in_the_place_of_the_models_own_folder_is_told_before_training(
    command: Command, models_dir: Path, colours: Path
) -> None:
    (models_dir / "colours").touch()
    outcome = command(colours)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "cannot write" in outcome.err
    assert "backbone" not in outcome.out


@pytest.mark.parametrize("folder", ["closed", "closed/models", "secret/models"])
def test_a_models_folder_that_may_not_be_written_is_told_before_training(
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is built first: an hour of training would be lost."""
    write_classes(tmp_path / "photos", count=3)
    (tmp_path / "closed").mkdir(mode=0o555)
    (tmp_path / "secret").mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with unprivileged():
        code = main(["photos", "--models-dir", folder])
    assert code == 2
    captured = capsys.readouterr()
    assert f"cannot write to models folder {folder!r}" in captured.err
    assert captured.out == ""


def test_a_models_folder_that_may_be_written_is_let_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with unprivileged():
        _check_writable(Path("open"), "photos")


def test_an_image_in_train_and_in_test(command: Command, models_dir: Path, tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "test")):
        write_classes(tmp_path / "photos" / split, ["cat", "dog"], count=20, seed=seed)
    leak = tmp_path / "photos" / "train" / "cat" / "leak.png"
    leak.write_bytes((tmp_path / "photos" / "test" / "cat" / "image0.png").read_bytes())
    refused(command(tmp_path / "photos"), models_dir, "train/cat/leak.png", "--leakage drop")


def test_an_image_under_two_labels(command: Command, models_dir: Path, tmp_path: Path) -> None:
    photos = write_classes(tmp_path / "photos", ["cat", "dog"], count=20)
    (photos / "dog" / "odd.png").write_bytes((photos / "cat" / "image3.png").read_bytes())
    refused(command(photos), models_dir, "cat/image3.png", "dog/odd.png", "--allow-conflicts")
