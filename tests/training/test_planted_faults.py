"""Faults planted into a whole run: nothing is published, and the message names the gate and how much.

What a gate itself stops is in `export/test_parity.py`, a poor quantisation in `precisions/test_search.py`.
"""

import copy
import re
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from inference.preprocessing import PreprocessSpec
from tests.training.conftest import Command
from training.candidates import candidate as candidates
from training.export.onnx_graph import attach_head
from training.export.trace import export_trunk
from training.networks.linear_head import LinearHead
from training.networks.transfer_network import TransferNetwork
from training.ood.score import OodScore
from training.probing import network_features

pytestmark = pytest.mark.training

Exporter = Callable[[TransferNetwork, PreprocessSpec], onnx.ModelProto]


def assert_stopped(command: Command, colours: Path, models_dir: Path, *flags: str) -> None:
    """Run the command and find it stopped by the parity gate."""
    outcome = command(colours, "--method", "probe", *flags)
    assert outcome.code == 2
    said = " ".join(outcome.err.split())
    assert re.search(r"parity gate: logits .* differ by [0-9.e+]+, limit is [0-9.e-]+", said)
    assert said.endswith("nothing was published")
    assert not list(models_dir.rglob("model.onnx"))


def test_a_wrong_label_order_stops_the_run(
    command: Command, colours: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_another_order(
        trunk: onnx.ModelProto,
        head: LinearHead,
        *,
        temperature: float,
        ood_score: OodScore,
    ) -> onnx.ModelProto:
        order = [2, 0, 1]
        wrong = LinearHead(weight=head.weight[order], bias=head.bias[order])
        return attach_head(trunk, wrong, temperature=temperature, ood_score=ood_score)

    monkeypatch.setattr(candidates, "attach_head", in_another_order)
    assert_stopped(command, colours, models_dir)


def with_another_mean(network: TransferNetwork, spec: PreprocessSpec) -> onnx.ModelProto:
    """Export a network that takes grey for a little brighter than it was trained with."""
    wrong = copy.deepcopy(network)
    wrong.mean += 12.0
    return export_trunk(wrong, spec)


def without_a_layer(network: TransferNetwork, spec: PreprocessSpec) -> onnx.ModelProto:
    """Export a network and lose one of its activations."""
    trunk = export_trunk(network, spec)
    lost = next(node for node in trunk.graph.node if node.op_type == "Relu")
    for node in trunk.graph.node:
        node.input[:] = [lost.input[0] if name == lost.output[0] else name for name in node.input]
    trunk.graph.node.remove(lost)
    return trunk


@pytest.mark.parametrize("exporter", [with_another_mean, without_a_layer])
def test_an_exporter_that_changes_the_network_stops_the_run(
    command: Command,
    colours: Path,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    exporter: Exporter,
) -> None:
    """And it is not kept for runs to come."""
    monkeypatch.setattr(network_features, "export_trunk", exporter)
    assert_stopped(command, colours, models_dir, "--cache-dir", str(tmp_path))
    assert not list(tmp_path.rglob("*.trunk"))
