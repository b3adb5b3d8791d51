"""Requests that schemathesis makes up from the OpenAPI document: every answer is one that it names."""

import re
import subprocess
from pathlib import Path
from typing import Final

import httpx2

from tests.builders import coloured, make_package
from tests.service.service_process import running
from tests.tools import python_of

ADMIN_KEY: Final = "admin-key-123"
CHECKS: Final = "content_type_conformance,response_schema_conformance,status_code_conformance"


def test_made_up_requests_get_answers_that_the_document_names(
    models_dir: Path, tmp_path: Path
) -> None:
    python = python_of("schemathesis")
    make_package(models_dir)
    with running(models_dir, GRAFT_ADMIN_KEYS=ADMIN_KEY) as service:
        ended = subprocess.run(
            [
                *(str(python.parent / "st"), "run", f"{service.url}/openapi.json"),
                *("-H", f"Authorization: Bearer {ADMIN_KEY}", "--checks", CHECKS),
                *("--max-examples", "10", "--seed", "1", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-6000:]
        assert "Tested:" in ended.stdout
        # 503 and 504 are answers (a model that it unloaded, a deadline of 1 ms); 500 is not.
        assert not re.search(r'status="500"', httpx2.get(f"{service.url}/metrics").text)
        load = httpx2.post(
            f"{service.url}/models/colours/versions/1/load",
            headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        )
        assert load.status_code == 200
        assert httpx2.post(f"{service.url}/predict", content=coloured("red")).status_code == 200
        assert service.stop() == 0
        assert "Traceback" not in service.log
