"""What is noted of a file is in the answer, of the service and on the command line."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from inference.__main__ import main
from tests.builders import encode, make_package
from tests.inference.samples import noise

CUT = encode(noise((64, 64)), "JPEG")[:-2]
NOTE = "incomplete: its end is missing"


def test_a_cut_jpeg_is_answered_and_noted(client: TestClient) -> None:
    (entry,) = client.post("/predict", content=CUT).json()["predictions"]
    assert entry["notes"] == [NOTE]
    (entry,) = client.post("/predict", content=encode(noise((64, 64)))).json()["predictions"]
    assert "notes" not in entry


def test_so_it_is_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(make_package(tmp_path / "models"))
    (tmp_path / "cut.jpg").write_bytes(CUT)
    assert main([model, str(tmp_path / "cut.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["notes"] == [NOTE]
    main([model, str(tmp_path / "cut.jpg")])
    assert f"({NOTE})" in capsys.readouterr().out
