"""Training and the measurements report to nobody either: see `tests/inference/test_telemetry_off.py`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bare_process import ROOT, bare

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    "module",
    # Those that import onnxruntime before anything of `inference`, and the command itself.
    ["training.precisions.int8", "training.precisions.float16", "benchmarks.gpu.bench"],
)
def test_a_module_that_imports_onnxruntime_first_reports_nothing(
    module: str, tmp_path: Path
) -> None:
    with bare(tmp_path / "home") as started:
        subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            cwd=ROOT,
            env=started.environment,
            check=True,
            timeout=120,
        )
    assert (started.files(), started.calls) == ([], [])
