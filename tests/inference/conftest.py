"""One published colour model, shared by the tests that only read it."""

from pathlib import Path

import pytest

from inference.classifier import Classifier
from inference.package import read_package
from inference.session import SessionConfig
from tests.builders import make_package


@pytest.fixture(scope="session")
def package_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of `colours/1`; tests that change a package make their own."""
    return make_package(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def classifier(package_folder: Path) -> Classifier:
    """Return the colour model on the CPU."""
    return Classifier.load(read_package(package_folder), session=SessionConfig(provider="cpu"))
