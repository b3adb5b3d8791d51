"""What makes a run repeatable."""

import platform

import onnxruntime
import pytest
import torch

from training.runtime.versions import library_versions, seed_torch

pytestmark = pytest.mark.training


def test_the_seed_decides_what_torch_draws() -> None:
    seed_torch(5)
    first = torch.randn(4)
    seed_torch(5)
    assert torch.equal(first, torch.randn(4))
    seed_torch(6)
    assert not torch.equal(first, torch.randn(4))


def test_the_versions_are_those_that_run() -> None:
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    builds = {versions.get("onnxruntime"), versions.get("onnxruntime-gpu")}
    assert onnxruntime.__version__ in builds
