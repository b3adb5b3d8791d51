"""TIFFs that Pillow misreads or does not read: each shows its picture, or is refused with what it is."""

import itertools
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from inference.decoding import decode_image
from inference.errors import UndecodableImage
from tests.hostile_containers import tiff

WIDTH, HEIGHT = 40, 30
X, Y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
GREY = ((X + Y) / 2)[..., np.newaxis]
COLOUR = np.stack([X, Y, 1 - X * Y], axis=2)
KINDS = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")
FORMATS = {"u": 1, "i": 2, "f": 3}
TILE = 16

Array = npt.NDArray[np.generic]


def samples_of(picture: npt.NDArray[np.float64], kind: str) -> Array:
    """Return a picture of 0..1 over all of a type's range."""
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return picture.astype(dtype)
    info = np.iinfo(dtype)
    span = float(info.max) - float(info.min)
    return np.rint(info.min + picture * span).clip(info.min, info.max).astype(dtype)


def written(
    samples: Array, *, order: str = "<", photometric: int = 1, is_tiled: bool = False,
    is_planar: bool = False, predictor: int = 0, **more: tuple[int, list[int]],
) -> bytes:  # fmt: skip
    """Return a TIFF, little- or big-endian; deflated where there is a predictor: 1 is none, 2 differences."""
    channels = samples.shape[2]
    planes = np.split(samples, channels, axis=2) if is_planar else [samples]
    parts = [part for plane in planes for part in _parts(plane, is_tiled=is_tiled)]
    if predictor == 2:
        parts = [np.diff(part, axis=1, prepend=part[:, :1] * 0) for part in parts]
    pieces = [part.astype(np.dtype(f"{order}{part.dtype.str[1:]}")).tobytes() for part in parts]
    if predictor:
        pieces = [zlib.compress(piece) for piece in pieces]
    offsets = [8 + sum(map(len, pieces[:number])) for number in range(len(pieces))]
    where = {
        324 if is_tiled else 273: (4, offsets),
        325 if is_tiled else 279: (4, [len(piece) for piece in pieces]),
    }
    size = {322: (4, [TILE]), 323: (4, [TILE])} if is_tiled else {278: (4, [TILE])}
    tags = {
        256: (4, [WIDTH]),
        257: (4, [HEIGHT]),
        258: (3, [8 * samples.dtype.itemsize] * channels),
        259: (3, [8 if predictor else 1]),
        262: (3, [photometric]),
        277: (3, [channels]),
        284: (3, [1 + is_planar]),
        317: (3, [predictor or 1]),
        339: (3, [FORMATS[samples.dtype.kind]] * channels),
        **where,
        **size,
        **{int(name[1:]): value for name, value in more.items()},
    }
    return tiff(dict(sorted(tags.items())), b"".join(pieces), order=order)


def _parts(plane: Array, *, is_tiled: bool) -> list[Array]:
    if not is_tiled:
        return [plane[top : top + TILE] for top in range(0, HEIGHT, TILE)]
    padded = np.pad(plane, ((0, -HEIGHT % TILE), (0, -WIDTH % TILE), (0, 0)))
    tops, lefts = (range(0, side, TILE) for side in padded.shape[:2])
    return [padded[y : y + TILE, x : x + TILE] for y, x in itertools.product(tops, lefts)]


def difference(data: bytes, picture: npt.NDArray[np.float64]) -> float:
    seen = np.asarray(decode_image(data).image, np.float64)
    return float(np.abs(seen - picture * 255).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("picture", [GREY, COLOUR], ids=["grey", "colour"])
def test_any_kind_of_sample_shows_its_picture(kind: str, picture: npt.NDArray[np.float64]) -> None:
    channels = picture.shape[2]
    for order, is_tiled, is_planar, predictor in itertools.product(
        "<>", (False, True), {False, channels > 1}, (0, 1, 2)
    ):
        if predictor == 2 and kind[0] == "f":
            continue
        data = written(
            samples_of(picture, kind), order=order, photometric=2 if channels == 3 else 1,
            is_tiled=is_tiled, is_planar=is_planar, predictor=predictor,
        )  # fmt: skip
        assert difference(data, picture) < 2, (order, is_tiled, is_planar, predictor)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("is_planar", [False, True])
def test_grey_with_transparency_is_over_white(kind: str, *, is_planar: bool) -> None:
    alpha = 0.25 + 0.75 * X[..., np.newaxis]
    samples = samples_of(np.concatenate([GREY, alpha], axis=2), kind)
    data = written(samples, is_planar=is_planar, t338=(3, [2]))
    assert difference(data, GREY * alpha + 1 - alpha) < 2
    assert difference(written(samples, is_planar=is_planar, t338=(3, [0])), GREY) < 2


def test_white_may_be_zero_and_ink_may_be_long() -> None:
    white_is_zero = samples_of(1 - GREY, "f8")
    assert difference(written(white_is_zero, photometric=0), GREY) < 2
    ink = samples_of(np.concatenate([1 - COLOUR, GREY * 0], axis=2), "u4")
    assert difference(written(ink, photometric=5, is_planar=True), COLOUR) < 2


def test_a_turn_is_followed() -> None:
    upright = written(samples_of(COLOUR, "f8"), photometric=2)
    turned = written(samples_of(COLOUR, "f8"), photometric=2, t274=(3, [6]))
    shown = decode_image(turned).image
    assert shown == decode_image(upright).image.transpose(Image.Transpose.ROTATE_270)


def test_padding_and_what_is_no_number_leave_the_rest_its_contrast() -> None:
    scan = -1000 + GREY * 4000
    for kind, padding in (("i2", -32768), ("f4", np.nan), ("f4", np.inf), ("f8", -1e38)):
        samples = scan.astype(kind)
        samples[:3] = padding
        shown = np.asarray(decode_image(written(samples)).image, np.float64)
        assert np.abs(shown - GREY * 255)[3:].mean() < 12, (
            kind,
            padding,
        )  # the first rows are its lowest
        assert set(shown[:3].flat) == {255.0 if padding == np.inf else 0.0}


def test_decoder_2_knew_no_padding() -> None:
    samples = np.rint(-1000 + GREY * 4000).astype("i2")
    samples[0, 0] = -32768
    shown = np.asarray(decode_image(written(samples), decoder=2).image)
    assert shown[1:].min() > 200


def test_what_is_not_read_is_named() -> None:
    of_24_bits = written(samples_of(COLOUR, "u1"), photometric=2, t258=(3, [24] * 3))
    with pytest.raises(UndecodableImage, match="3 samples of 24 bits a pixel"):
        decode_image(of_24_bits)
    by_jpeg_2000 = written(samples_of(COLOUR, "u1"), photometric=2, t259=(3, [34712]))
    with pytest.raises(UndecodableImage, match=r"JPEG 2000 \(number 34712\).*LZW"):
        decode_image(by_jpeg_2000)


def test_a_damaged_one_is_called_damaged() -> None:
    data = written(samples_of(COLOUR, "f8"), photometric=2, t273=(4, [10**6, 10**9]))
    with pytest.raises(UndecodableImage, match="damaged"):
        decode_image(data)
