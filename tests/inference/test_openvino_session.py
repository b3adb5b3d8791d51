"""OpenVINO behind the same seam as ONNX Runtime, from the same file."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from inference.errors import ProviderUnavailable, SessionError
from inference.precision import multiplies_bfloat16
from inference.session import SessionConfig, open_session
from tests import hostile_models
from tests.bare_process import bare
from tests.builders import SIDE_PX, colour_model, coloured, make_package
from tests.inference.test_session import external_weights_model
from tests.inference.test_telemetry_off import run

CPU = SessionConfig(provider="cpu", intra_op_threads=1)
OPENVINO = SessionConfig(provider="openvino", intra_op_threads=1)
OUTPUTS = ("logits", "probabilities", "embedding", "activation_map")


def noise(count: int) -> np.ndarray:
    shape = (count, SIDE_PX, SIDE_PX, 3)
    return np.random.default_rng(count).integers(0, 256, shape).astype(np.uint8)


def test_it_answers_as_onnx_runtime_does_whatever_the_batch() -> None:
    here, there = (open_session(colour_model(manifest="{}"), c) for c in (CPU, OPENVINO))
    assert (there.provider, there.runtime, there.on_gpu) == ("openvino", "openvino", False)
    assert (there.inputs, there.output_names) == (here.inputs, here.output_names)
    assert there.metadata["graft.manifest"] == "{}"
    for count in (1, 5, 2):
        expected, got = (session.run(list(noise(count)), OUTPUTS) for session in (here, there))
        for name in OUTPUTS:
            np.testing.assert_allclose(got[name], expected[name], atol=1e-4, err_msg=name)


def test_bfloat16_is_near_float32_where_the_processor_has_it_and_refused_elsewhere() -> None:
    if not multiplies_bfloat16():
        with pytest.raises(ProviderUnavailable, match="does not multiply bfloat16"):
            open_session(colour_model(), OPENVINO, precision="bf16")
        return
    session = open_session(colour_model(), CPU, precision="bf16")
    expected, got = (s.run(noise(3), OUTPUTS) for s in (open_session(colour_model(), CPU), session))
    difference = np.abs(got["logits"] - expected["logits"]).max()
    assert 0 < difference < 0.05


def test_batches_at_one_time_are_not_mixed_up() -> None:
    session = open_session(colour_model(), OPENVINO)
    greys = [np.full((1 + n % 3, SIDE_PX, SIDE_PX, 3), n, np.uint8) for n in range(60)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda images: session.run(images, ["embedding"]), greys))
    for grey, answer in zip(greys, answers, strict=True):
        expected = np.full((len(grey), 3), grey[0, 0, 0, 0] / 255, np.float32)
        np.testing.assert_allclose(answer["embedding"], expected, rtol=1e-5)


def test_a_run_that_takes_too_long_is_ended_and_the_next_is_answered() -> None:
    session = open_session(hostile_models.slow(), OPENVINO)
    for _ in range(2):
        with pytest.raises(SessionError, match=r"ended after 0\.05 s on a batch of shape"):
            session.run(noise(1), ["logits"], limit_s=0.05)
    # Another size than the one whose run was ended.
    quick = open_session(hostile_models.slow(steps=1, side=8), OPENVINO)
    assert quick.run(noise(2), ["logits"], limit_s=30)["logits"].shape == (2, 3)


def test_the_time_limit_is_that_of_the_whole_batch() -> None:
    session = open_session(colour_model(), OPENVINO)
    with pytest.raises(SessionError, match=r"ended after 0\.02 s on a batch of shape \(4000"):
        session.run(noise(4000), ["logits"], limit_s=0.02)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, SIDE_PX + 1, SIDE_PX, 3), np.uint8),
        np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8),
        np.zeros((1, SIDE_PX, SIDE_PX, 3), np.float32),
    ],
    ids=["other size", "no batch", "other type"],
)
def test_what_does_not_fit_is_refused_and_the_next_batch_is_answered(batch: np.ndarray) -> None:
    session = open_session(colour_model(), OPENVINO)
    with pytest.raises(SessionError, match="failed on a batch of shape"):
        session.run(batch, OUTPUTS)
    with pytest.raises(SessionError, match="failed on a batch of shape"):
        session.run(noise(1), ["no output of it"])
    assert session.run(noise(1), OUTPUTS)["logits"].shape == (1, 3)


def test_files_that_onnx_runtime_refuses_and_loops_without_an_end_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.bin").write_bytes(np.eye(3, dtype=np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    for model, message in (
        (external_weights_model("weights.bin"), "second file"),
        (b"junk", "cannot load"),
        (hostile_models.endless(), "Loop, which OpenVINO cannot be made to end"),
    ):
        with pytest.raises(SessionError, match=message):
            open_session(model, OPENVINO)


def test_bfloat16_is_not_for_a_gpu_nor_a_quantised_file_for_openvino() -> None:
    with pytest.raises(ProviderUnavailable, match="it is for CPUs"):
        open_session(colour_model(), SessionConfig(provider="cuda"), precision="bf16")
    with pytest.raises(ProviderUnavailable, match="runs fp32 and bf16 alone"):
        open_session(colour_model(), OPENVINO, precision="int8")


def test_it_reports_nothing_and_writes_no_file(models_dir: Path, tmp_path: Path) -> None:
    package = make_package(models_dir)
    image = tmp_path / "red.png"
    image.write_bytes(coloured("red"))
    with bare(tmp_path / "home") as started:
        run(started, "-m", "inference", str(package), str(image), "--provider", "openvino")
    assert (started.files(), started.calls) == ([], [])


def test_it_is_imported_only_where_it_runs_a_model(models_dir: Path) -> None:
    package = make_package(models_dir)
    code = (
        "import sys, service.app, inference.__main__; from inference import open_classifier;"
        f"open_classifier({str(package)!r}); print(sorted(m for m in sys.modules if 'openvino' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
