"""A service that cannot answer says why in its log, once, with what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.shared_folder import SharedFolder
from tests.builders import make_package
from tests.conftest import ClientFactory


def notices(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith("not_ready ")]


def test_nothing_published_names_the_folder_and_the_command(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    start_service().get("/health/ready")
    (line,) = notices(caplog)
    assert f"no model is published in {models_dir}" in line
    assert f"python -m training.finetune PHOTOS --name NAME --models-dir {models_dir}" in line


def test_a_missing_folder_is_named_with_its_setting(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    start_service(models_dir=models_dir / "none").get("/health/ready")
    (line,) = notices(caplog)
    assert f"{models_dir / 'none'} does not exist" in line
    assert "GRAFT_MODELS_DIR" in line


@contextmanager
def unreadable(folder: Path) -> Iterator[None]:
    """Take the right to read a folder; to root every folder is open, so be nobody meanwhile."""
    user = os.geteuid()
    folder.chmod(0)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


def test_a_folder_that_may_not_be_read_is_named_with_the_user(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with unreadable(models_dir):
        start_service().get("/health/ready")
        (line,) = notices(caplog)
        assert f"{models_dir} cannot be read: Permission denied" in line
        assert f"user id {os.geteuid()}" in line
        assert "chmod -R a+rX" in line


def test_a_default_model_that_is_not_there_is_named_with_those_that_are(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    make_package(models_dir)
    start_service(default_model="colour").get("/health/ready")
    (line,) = notices(caplog)
    assert "GRAFT_DEFAULT_MODEL is 'colour'" in line
    assert "there are colours" in line


def test_a_service_that_answers_says_nothing(
    models_dir: Path, start_service: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    make_package(models_dir)
    start_service().get("/health/ready")
    assert notices(caplog) == []


def test_of_several_processes_one_says_it(tmp_path: Path) -> None:
    first, second = SharedFolder(tmp_path), SharedFolder(tmp_path)
    assert [folder.is_first_to("speak") for folder in (first, second, first)] == [
        True,
        False,
        False,
    ]
    assert second.is_first_to("do something else")
