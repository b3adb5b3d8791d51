"""The versions that a run is recorded with."""

import platform

import onnxruntime
import pytest
import torch

from training.runtime.versions import library_versions

pytestmark = pytest.mark.training


def test_the_versions_are_those_that_run() -> None:
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    builds = {versions.get("onnxruntime"), versions.get("onnxruntime-gpu")}
    assert onnxruntime.__version__ in builds
