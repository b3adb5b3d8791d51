"""The second probe on a backbone: nothing is exported, and PyTorch is not imported."""

import json
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from inference.package import read_package
from tests.training.conftest import SIDE_PX, TINY, Command
from training.export.trace import export_trunk
from training.probing import network_features

pytestmark = pytest.mark.training

_RUN = """
import json, sys
from training.finetune import main
code = main(json.loads(sys.argv[1]))
print(json.dumps([code, [name for name in ("torch", "timm", "torchvision") if name in sys.modules]]))
"""


def graph_of(package: Path) -> bytes:
    """Return the published file without its manifest."""
    model = onnx.load(package / "model.onnx")
    del model.metadata_props[:]
    return bytes(model.SerializeToString())


def test_a_second_run_publishes_the_same_model_without_pytorch(
    command: Command, colours: Path, weights_file: Path, models_dir: Path, tmp_path: Path
) -> None:
    cache = ("--cache-dir", str(tmp_path / "cache"))
    first = command(colours, "--method", "probe", *cache)
    options = [str(colours), "--backbone", TINY, "--weights", str(weights_file), *cache]
    options += ["--image-size", str(SIDE_PX), "--models-dir", str(models_dir), "--offline"]
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps([*options, "--device", "cpu"])],
        check=True,
        capture_output=True,
        text=True,
    )
    *_, published, last = ran.stdout.splitlines()
    assert json.loads(last) == [0, []]
    assert Path(published) == first.published.with_name("2")
    assert graph_of(first.published) == graph_of(Path(published))
    parity = read_package(Path(published)).manifest.parity
    assert parity.images == 32
    assert parity.argmax_agreement == 1


def test_a_backbone_is_exported_once_whatever_the_method(
    command: Command,
    colours: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exports: list[object] = []

    def counted(*arguments: object) -> onnx.ModelProto:
        exports.append(arguments)
        return export_trunk(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(network_features, "export_trunk", counted)
    options = ("--cache-dir", str(tmp_path), "--dry-run", "--method")
    assert command(colours, *options, "finetune").code == 0
    assert command(colours, *options, "probe").code == 0
    assert len(exports) == 1
    (kept,) = tmp_path.rglob("*.trunk")
    kept.write_bytes(b"damaged")
    assert command(colours, *options, "probe").code == 0
    assert len(exports) == 2
