"""Which runs the series are of."""

import sys
from pathlib import Path

import pytest
import timm
import torch

from benchmarks.training import against_peers, table
from benchmarks.training.results import Result, Trial
from benchmarks.training.trials import run_all, run_command, selected

pytestmark = pytest.mark.training

TRIAL = Trial(data="clothing", weights="EfficientNet-Lite0", method="probe", minutes=None, seed=0)


def test_the_table_is_of_three_data_sets_two_weights_and_three_methods() -> None:
    trials = table.plan((5.0, 15.0), None)
    # Three seeds, and five of the data set whose test images are drawn.
    assert len(trials) == len(set(trials)) == (3 + 3 + 5) * 2 * 3
    assert {(t.method, t.minutes) for t in trials} == {
        ("probe", None),
        ("finetune", 5.0),
        ("finetune", 15.0),
    }


def test_peers_get_each_data_set_and_length_that_we_get() -> None:
    trials = against_peers.plan((1.0, 5.0), 1)
    assert len(trials) == 3 * 2 * 4
    assert {t.method for t in trials} == {"finetune", "fastai", "timm", "torchvision"}


def test_our_runs_beside_peers_are_those_of_the_table() -> None:
    ours = {t for t in against_peers.plan((5.0, 15.0), 1) if t.method == against_peers.OURS}
    assert len(ours) == 3 * 2
    assert ours <= set(table.plan((5.0, 15.0), None))


def test_runs_are_chosen_by_words_that_all_occur() -> None:
    chosen = selected(table.plan((5.0,), 1), ["CIFAR10", "lite0"])
    assert {(t.data, t.weights) for t in chosen} == {("cifar10", "EfficientNet-Lite0")}
    assert len(chosen) == 2


def test_a_series_makes_each_run_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[Trial] = []

    def run_trial(trial: Trial, data: Path, work: Path) -> Result:
        made.append(trial)
        assert work.is_dir()
        return Result(trial=trial, right=8, images=10, seconds=2.0)

    results = tmp_path / "results.jsonl"
    run_all([TRIAL], results, run_trial)
    run_all([TRIAL], results, run_trial)
    assert made == [TRIAL]
    printed = capsys.readouterr().out
    assert "0 of 1 runs to make" in printed
    assert printed.count("| clothing | EfficientNet-Lite0 | probe |  | 1 | 80.0 |") == 2


def test_a_run_that_fails_is_a_result_with_the_reason() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no room left')"]
    result = run_command(TRIAL, command, lambda printed: {})
    assert result.right is None
    assert result.note == "no room left"


def test_peers_are_given_the_weights_that_we_start_from(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    against_peers.write_weights(file)
    network = timm.create_model(
        against_peers.BACKBONE,
        pretrained=True,
        num_classes=3,
        pretrained_cfg_overlay={"file": str(file)},
    )
    written = torch.load(file, weights_only=True)
    assert torch.equal(network.state_dict()["conv_stem.weight"], written["conv_stem.weight"])
    assert written["classifier.weight"].shape == (1000, 1280)
