"""`--progress json`: what another program reads of a run."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.training.conftest import Command

pytestmark = pytest.mark.training


def test_a_run_is_read_from_its_events_alone(command: Command, colours: Path) -> None:
    outcome = command(
        colours, "--progress", "json", "--method", "finetune", "--epochs", "1", "--name", "events"
    )
    events = [json.loads(line) for line in outcome.out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[-2:] == ["published", "end"]
    assert (Path(events[-2]["folder"]) / "model.onnx").is_file()
    assert events[-1]["exit_code"] == 0
    assert "validation" in kinds
    times = [event["time_s"] for event in events]
    assert times == sorted(times)
    training = [e for e in events if e["event"] == "stage" and e["stage"] == "training"]
    assert training[-1]["done"] == training[-1]["of"]
    examples = [event for event in events if event["event"] == "examples"]
    assert [e["step"] for e in examples][:1] + [e["step"] for e in examples][-1:] == [0, None]
    watched = [[image["sha256"] for image in event["images"]] for event in examples]
    assert watched == [watched[0]] * len(watched)
    for image in examples[-1]["images"]:
        assert sha256(Path(image["path"]).read_bytes()).hexdigest() == image["sha256"]


def test_a_refusal_is_said_on_stderr_and_ends_the_events(command: Command, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    outcome = command(tmp_path, "--progress", "json")
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert json.loads(outcome.out.splitlines()[-1])["exit_code"] == 2
