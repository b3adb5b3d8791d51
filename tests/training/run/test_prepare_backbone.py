"""`--backbone auto` from the command to the package."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from inference.package import read_package
from tests.training.conftest import TINY, Command, Outcome
from tests.training.folders import write_class
from training.backbone_choice.opened_candidate import OpenedCandidate
from training.errors import DataError
from training.probing import network_features
from training.run import network_run
from training.run.fit_probe import Fitting

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def other_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return weights under which the tiny network answers the same whatever it sees."""
    network = timm.create_model(TINY, pretrained=False)
    torch.nn.init.zeros_(next(network.parameters()))
    file = tmp_path_factory.mktemp("weights") / "blind.safetensors"
    save_file(network.state_dict(), file)
    return file


def auto(command: Command, data: Path, *phrases: str, flags: tuple[str, ...] = ()) -> Outcome:
    return command(
        data,
        "--offline",
        *flags,
        *(("--candidates", *phrases) if phrases else ()),
        backbone="auto",
        weights="auto",
    )


def test_the_better_backbone_is_published_with_the_table_of_all(
    command: Command,
    colours: Path,
    weights_file: Path,
    other_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache_dir = ("--cache-dir", str(tmp_path))
    outcome = auto(
        command,
        colours,
        f"{TINY} weights={other_weights}",
        f"{TINY} weights={weights_file}",
        f"test_efficientnet weights={weights_file}",
        "resnet18",
        flags=("--name", "chosen", "--teacher", "auto", *cache_dir),
    )
    manifest = read_package(outcome.published).manifest
    choice = manifest.backbone_choice
    assert choice is not None
    blind, good, wrong, absent = choice.trials
    assert choice.chosen == 1
    assert manifest.backbone.weights == weights_file.name
    assert manifest.training.config["weights"] == weights_file.name
    assert good.accuracy is not None
    assert blind.accuracy is not None
    assert good.accuracy > blind.accuracy
    assert good.ms is not None
    assert good.ms > 0
    assert "not for backbone" in wrong.outcome
    assert "--offline" in absent.outcome
    report = (outcome.published / "report.html").read_text(encoding="utf-8")
    assert "Which backbone" in report
    assert "no teacher: the chosen backbone is the best of the candidates" in outcome.out
    assert absent.outcome in outcome.out
    assert len(list(tmp_path.glob("trunks/*.trunk"))) == 2, "exports are kept for runs to come"
    monkeypatch.setattr(network_features, "export_trunk", None)
    assert command(colours, *cache_dir).code == 0


def test_no_candidate_within_the_limit_is_refused_with_the_nearest(
    command: Command, colours: Path, weights_file: Path
) -> None:
    outcome = auto(command, colours, f"{TINY} weights={weights_file}", flags=("--max-ms", "0.0001"))
    assert outcome.code == 2
    assert "over --max-ms 0.0001" in outcome.out
    assert "split:" not in outcome.out, "limits are checked before images are read"
    assert f"the nearest is timm/{TINY} ({weights_file.name})" in outcome.err


def test_where_no_candidate_can_be_had_the_message_says_why_and_what_to_do(
    command: Command, colours: Path
) -> None:
    outcome = auto(command, colours, "resnet18", "resnet34")
    assert outcome.code == 2
    assert "timm/resnet18" not in outcome.out
    assert "resnet34: --offline is set" in outcome.err
    assert "leave --candidates out" in outcome.err


def test_a_resumed_run_trains_the_backbone_that_was_chosen_before(
    command: Command,
    colours: Path,
    weights_file: Path,
    other_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phrases = (f"{TINY} weights={other_weights}", f"{TINY} weights={weights_file}")
    flags = ("--method", "finetune", "--name", "resumed")
    trained = []

    def stopped(fitting: Fitting) -> None:
        trained.append(fitting.prepared.backbone.info.weights)
        raise DataError("stopped here")

    monkeypatch.setattr(network_run, "fit_network", stopped)
    first = auto(command, colours, *phrases, flags=flags)
    resumed = auto(command, colours, *phrases, flags=flags)
    fewer = auto(command, colours, phrases[0], flags=(*flags, "--max-mb", "1000"))
    assert "chosen before this run was stopped" not in first.out
    assert "chosen before this run was stopped" in resumed.out
    assert "chosen before this run was stopped" not in fewer.out
    assert trained == [weights_file.name, weights_file.name, other_weights.name]


def test_the_best_candidate_teaches_the_one_within_the_limits(
    command: Command,
    colours: Path,
    weights_file: Path,
    other_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The better one is the larger file by name only: the limit is put on it here."""
    monkeypatch.setattr(
        OpenedCandidate,
        "over_limit",
        lambda one, _: "over --max-mb 1" if one.config.weights == str(weights_file) else None,
    )
    pile = write_class(tmp_path / "pile", 0, count=4, seed=50)[0].parent
    outcome = auto(
        command,
        colours,
        f"{TINY} weights={other_weights}",
        f"{TINY} weights={weights_file}",
        flags=("--name", "taught", "--teacher", "auto", "--unlabelled", str(pile)),
    )
    manifest = read_package(outcome.published).manifest
    assert manifest.backbone_choice is not None
    chosen, teacher = manifest.backbone_choice.trials
    assert manifest.backbone_choice.chosen == 0
    assert teacher.outcome == "left out: over --max-mb 1"
    assert (teacher.accuracy or 0) > (chosen.accuracy or 0)
    assert manifest.training.config["teacher"] == "auto"
    assert f"the teacher timm/{TINY} ({weights_file.name}) taught is " in (
        manifest.training.teacher or ""
    )


def test_the_best_candidate_needs_candidates(command: Command, colours: Path) -> None:
    outcome = command(colours, "--teacher", "auto")
    assert outcome.code == 2
    assert "--teacher auto is the best candidate of --backbone auto; add that" in outcome.err
