"""The repository in other people's hands, against a real process: nobody's change is lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from inference import Repository
from tests.builders import make_package
from tests.service.service_process import running

ADMIN = {"authorization": "Bearer admin-key-123"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_aliases_set_at_once_are_all_there(models_dir: Path, workers: str) -> None:
    make_package(models_dir)
    with (
        running(models_dir, GRAFT_WORKERS=workers, GRAFT_ADMIN_KEYS="admin-key-123") as service,
        ThreadPoolExecutor(4) as callers,
    ):

        def set_aliases(caller: str) -> set[int]:
            with httpx2.Client(base_url=service.url, headers=ADMIN, timeout=60) as client:
                urls = [f"/models/colours/aliases/{caller}-{number}" for number in range(10)]
                return {client.put(url, json={"version": 1}).status_code for url in urls}

        assert list(callers.map(set_aliases, "abcd")) == [{200}] * 4
    assert len(Repository(models_dir).aliases("colours")) == 40
