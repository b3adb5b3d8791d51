"""Fixtures of all tests."""

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.repository.process_memory import freeze_garbage_collector
from service.settings import Settings
from tests.builders import make_package
from tests.programs import missing_programs

ClientFactory = Callable[..., TestClient]


TESTS = Path(__file__).parent
CORE = (TESTS / "inference", TESTS / "service")
# What takes longest, or waits longest for others, begins first: in the end no worker is left with one alone.
FIRST = (
    TESTS / "training/test_shared.py",
    TESTS / "deploy/test_ray_serve.py",
    TESTS / "deploy/test_ray_data.py",
    TESTS / "training/run/test_fit_network.py",
    TESTS / "training/runtime/test_distributed.py",
    TESTS / "training/finetuning/test_resume.py",
    TESTS / "clients/test_schemathesis.py",
    TESTS / "training/finetuning/test_mlflow.py",
    TESTS / "training/candidates/test_finetuned.py",
    TESTS / "benchmarks/test_families.py",
    TESTS / "test_docker.py",
    TESTS / "service/processes/test_workers.py",
    TESTS / "service/processes/test_graceful_shutdown.py",
    TESTS / "service/processes/test_process.py",
    TESTS / "service/processes/test_exhaustion.py",
    TESTS / "service/repository/test_hostile_packages.py",
    TESTS / "service/repository/test_many_hands.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest first, mark what `make test-core` runs, leave out what needs a missing program."""
    assert all(path.is_file() for path in FIRST), "a file of FIRST is gone"
    places = {path: place for place, path in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        needs_training = item.get_closest_marker("training") is not None
        if not needs_training and any(folder in item.path.parents for folder in CORE):
            item.add_marker("core")
    missing = missing_programs()
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in missing)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of collections, as the service's process does.

    A service that stops collects, and the objects of PyTorch alone would take a quarter of a second.
    """
    freeze_garbage_collector()


def pytest_unconfigure() -> None:
    """Let the last collection have everything, or libraries report leaks."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, where it is seen."""
    for name, package in missing_programs().items():
        text = f"LEFT OUT: the tests that need {name}; run: apt-get install {package}"
        terminalreporter.write_line(text, red=True, bold=True)


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """An empty model repository."""
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@contextmanager
def serving(models_dir: Path, /, **settings: object) -> Iterator[TestClient]:
    """Run the service with the given settings for a block; every model has been tried when it begins."""
    values: dict[str, object] = {"models_dir": models_dir, "provider": "cpu", **settings}
    app = create_app(Settings.model_validate(values))
    with TestClient(app) as client:
        assert client.portal is not None
        client.portal.call(app.state.context.registry.settled)
        yield client


@pytest.fixture
def start_service(models_dir: Path) -> Iterator[ClientFactory]:
    """Start the service on `models_dir` with the given settings; see `serving`."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(models_dir, **settings))


@pytest.fixture
def client(models_dir: Path, start_service: ClientFactory) -> TestClient:
    """A service with one model, "colours" version 1."""
    make_package(models_dir)
    return start_service()


@pytest.fixture(scope="session")
def colours_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository behind `shared_client`; tests only read it."""
    folder = tmp_path_factory.mktemp("models")
    make_package(folder)
    return folder


@pytest.fixture(scope="session")
def shared_client(colours_dir: Path) -> Iterator[TestClient]:
    """What `client` is, one for all tests that only ask: neither what it counts nor its model may matter."""
    with serving(colours_dir) as client:
        yield client
