"""Which images are too large is an option of training too; what it refused once is no verdict for ever."""

from pathlib import Path

import pytest

from inference.decoding import limits_for
from tests.builders import encode
from tests.inference.samples import noise
from tests.training.conftest import Command
from tests.training.data.reading import SPEC, open_cache
from tests.training.folders import write_classes
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import scan_folder
from training.data.views import Views
from training.errors import ConfigError

pytestmark = pytest.mark.training


def test_a_larger_image_is_read_once_it_is_allowed(tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", ["cat", "dog"], count=2)
    (data / "cat" / "large.png").write_bytes(encode(noise((300, 200))))
    cache = open_cache(tmp_path / "cache")
    for max_pixels, refused in (
        (10_000, 1),
        (60_000, 0),
        (10_000, 0),
    ):  # the last is from the cache
        views = Views(SPEC, True, limits_for(max_bytes=10**6, max_pixels=max_pixels))
        assert len(scan_folder(read_folder(data), views, cache).unreadable) == refused


def test_a_run_leaves_out_what_its_options_say(tmp_path: Path, command: Command) -> None:
    data = write_classes(tmp_path / "data", ["cat", "dog"], count=12)
    (data / "cat" / "large.jpg").write_bytes(encode(noise((300, 200)), "JPEG"))
    few = command(data, "--method", "probe", "--max-pixels", "2000")
    assert "skipping 'cat/large.jpg'" in few.out + few.err
    assert few.code == 0


def test_limits_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_pixels"):
        FinetuneConfig(data=Path(), max_pixels=10**10)
    with pytest.raises(ConfigError, match="positive"):
        FinetuneConfig(data=Path(), max_image_bytes=0)
