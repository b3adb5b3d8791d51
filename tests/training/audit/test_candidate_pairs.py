"""Which pairs are worth comparing pixel by pixel."""

import numpy as np
import pytest
from PIL import ImageOps

from tests.training.audit.photos import SPEC, photo, small_colours, write_photos
from tests.training.data.reading import read
from training.audit.candidate_pairs import candidate_pairs, centred_directions
from training.data.scan import Scan

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """Return two classes of six photos; row 6 is row 0 mirrored."""
    root = tmp_path_factory.mktemp("pairs") / "data"
    write_photos(root / "a", range(6), (128, 128, 128))
    write_photos(root / "b", range(10, 15), (128, 128, 128))
    ImageOps.mirror(photo(0)).save(root / "b" / "1-mirrored.png")
    return read(root, root.parent, spec=SPEC, for_training=False)


def test_a_mirrored_copy_is_a_candidate_by_hash_alone(scan: Scan) -> None:
    assert candidate_pairs(scan.images, None) == [(0, 6)]


def test_each_image_brings_few_pairs_however_many_are_alike(scan: Scan) -> None:
    alike = np.ones((len(scan.images), 4), np.float32)
    alike[0] = -1
    others = len(scan.images) - 1
    assert others <= len(candidate_pairs(scan.images, alike)) <= 3 * len(scan.images)


def test_pairs_are_of_two_rows_each_once_and_in_order(scan: Scan) -> None:
    pairs = candidate_pairs(scan.images, small_colours(scan))
    assert pairs == sorted(set(pairs))
    assert all(one < other for one, other in pairs)


def test_directions_are_about_the_mean_and_equal_embeddings_do_no_harm() -> None:
    directions = centred_directions(np.array([[3, 1], [5, 1]], np.float32))
    assert directions.tolist() == [[-1, 0], [1, 0]]
    assert not centred_directions(np.ones((3, 2), np.float32)).any()
