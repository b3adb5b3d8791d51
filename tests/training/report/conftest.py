"""The tiny colour model, loaded."""

from pathlib import Path

import pytest

from inference.classifier import Classifier
from inference.loading import open_classifier
from inference.session import SessionConfig
from tests.builders import make_package


@pytest.fixture(scope="session")
def colour_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package of the colour model; tests only read it."""
    return make_package(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def classifier(colour_package: Path) -> Classifier:
    """Return the colour model."""
    return open_classifier(colour_package, session=SessionConfig(provider="cpu"))
