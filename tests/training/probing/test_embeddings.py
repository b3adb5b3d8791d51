"""Embeddings of many images, computed on the exported trunk."""

import numpy as np
import onnx
import pytest
import torch

from training.data.split import Dataset
from training.networks.transfer_network import TransferNetwork, TrunkGraph
from training.probing.embeddings import compute_embeddings

pytestmark = pytest.mark.training


def test_embeddings_are_pytorchs_in_the_order_of_the_rows(
    trunk: onnx.ModelProto, network: TransferNetwork, dataset: Dataset
) -> None:
    """More rows than a batch, and not in order."""
    rows = np.random.default_rng(0).permutation(60)
    done: list[int] = []
    found = compute_embeddings(trunk, dataset.pixels, rows, advance=done.append)
    with torch.inference_mode():
        expected = TrunkGraph(network)(torch.from_numpy(dataset.pixels[rows]))[0].numpy()
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert found.dtype == np.float32
    assert sum(done) == 60


def test_mirrored_embeddings_are_those_of_mirror_images(
    trunk: onnx.ModelProto, dataset: Dataset
) -> None:
    rows = np.arange(5)
    flipped = compute_embeddings(trunk, dataset.pixels, rows, flipped=True)
    turned = compute_embeddings(trunk, dataset.pixels[rows][:, :, ::-1], rows)
    plain = compute_embeddings(trunk, dataset.pixels, rows)
    assert np.allclose(flipped, turned, atol=1e-6)
    assert not np.allclose(flipped, plain, atol=1e-6)
