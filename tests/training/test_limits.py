"""Which images are too large is an option of training too; what it refused once is no verdict for ever."""

from pathlib import Path

import pytest

from inference.decoding import DecodeLimits, decode_image, limits_for
from inference.errors import ImageTooLarge
from inference.image_file import read_image_file
from tests.builders import encode
from tests.inference.samples import noise
from tests.training.conftest import Command
from tests.training.data.reading import SPEC, open_cache
from tests.training.folders import write_classes
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import scan_folder
from training.data.too_large import needed_limits
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
    assert few.code == 0
    assert (
        "1 image is too large and left out; scale it down, or add --max-pixels 1000000" in few.out
    )
    assert few.out.count("cat/large.jpg") == 1
    assert "cannot be read" not in few.out


@pytest.mark.parametrize(
    "limits",
    [
        limits_for(max_bytes=10**6, max_pixels=10_000),
        limits_for(max_bytes=100, max_pixels=10**6),
        DecodeLimits(max_seconds=1e-6),
        DecodeLimits(max_memory_bytes=1000),
    ],
)
def test_the_options_that_are_offered_admit_the_image(tmp_path: Path, limits: DecodeLimits) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(encode(noise((1300, 1000)), "PNG"))
    for _ in range(2):  # bytes first, then pixels
        try:
            decode_image(read_image_file(file, max_bytes=limits.max_bytes), limits=limits)
        except ImageTooLarge as err:
            needed = needed_limits(err, file)
            assert needed.options
            limits = limits_for(
                max_bytes=needed.image_bytes or limits.max_bytes,
                max_pixels=needed.pixels or limits.max_pixels,
            )
    decode_image(read_image_file(file, max_bytes=limits.max_bytes), limits=limits)


def test_limits_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="max_pixels"):
        FinetuneConfig(data=Path(), max_pixels=10**10)
    with pytest.raises(ConfigError, match="--max-image-bytes must be 1 or more"):
        FinetuneConfig(data=Path(), max_image_bytes=0)
