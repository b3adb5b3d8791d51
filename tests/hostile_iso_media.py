"""HEIC and AVIF made by hand from the pictures of sound files, for `hostile_containers.py`."""

import io
import struct
from pathlib import Path

from PIL import Image

FILES = Path(__file__).parent / "files"


def _encode(image: Image.Image, image_format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, body: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags) + body)


def split_boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + length]))
        at += length
    return found


def coded(name: str) -> tuple[bytes, bytes]:
    """Return the decoder's configuration box and the data of the picture in a sound file, of 64x48 px."""
    data = (
        (FILES / "small.heic").read_bytes()
        if name == "hvc1"
        else _encode(Image.new("RGB", (64, 48), (200, 30, 30)), "AVIF")
    )
    meta = dict(split_boxes(data))[b"meta"][4:]
    iprp = dict(split_boxes(meta))[b"iprp"]
    ipco = dict(split_boxes(iprp))[b"ipco"]
    kind = b"hvcC" if name == "hvc1" else b"av1C"
    return box(kind, dict(split_boxes(ipco))[kind]), dict(split_boxes(data))[b"mdat"]


def container(
    items: list[tuple[bytes, bytes]],
    references: list[tuple[bytes, int, list[int]]],
    properties: list[bytes],
    associations: dict[int, list[int]],
    *,
    brand: bytes,
) -> bytes:
    """Return a file of items (kind, data), numbered from 1, of which the first is shown."""
    infos = b"".join(
        full_box(b"infe", struct.pack(">HH4s", number, 0, kind) + b"\0", version=2)
        for number, (kind, _) in enumerate(items, 1)
    )
    described = b"".join(
        struct.pack(">HB", item, len(used)) + bytes(0x80 | n for n in used)
        for item, used in associations.items()
    )
    linked = b"".join(
        box(
            kind,
            struct.pack(">HH", source, len(targets)) + struct.pack(f">{len(targets)}H", *targets),
        )
        for kind, source, targets in references
    )

    def whole(first: int) -> bytes:
        at, places = first, b""
        seen: dict[bytes, int] = {}
        for number, (_, data) in enumerate(items, 1):
            if data not in seen:  # items may share their bytes
                seen[data] = at
                at += len(data)
            places += struct.pack(">HHHII", number, 0, 1, seen[data], len(data))
        meta = full_box(
            b"meta",
            full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + full_box(b"pitm", struct.pack(">H", 1))
            + full_box(b"iinf", struct.pack(">H", len(items)) + infos)
            + full_box(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + places)
            + box(
                b"iprp",
                box(b"ipco", b"".join(properties))
                + full_box(b"ipma", struct.pack(">I", len(associations)) + described),
            )
            + (full_box(b"iref", linked) if linked else b""),
        )
        return box(b"ftyp", brand + bytes(4) + b"mif1" + brand + b"miaf") + meta

    head = whole(0)
    return whole(len(head) + 8) + box(b"mdat", b"".join(dict.fromkeys(data for _, data in items)))


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def grid(
    name: str,
    columns: int,
    rows: int,
    tiles: int,
    shown_wh: tuple[int, int],
    said_wh: tuple[int, int] = (64, 48),
) -> bytes:
    """Return a picture of tiles that are all one and the same."""
    configuration, data = coded(name)
    head = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *shown_wh)
    numbers = list(range(2, 2 + tiles)) or [2]
    return container(
        [(b"grid", head), *[(name.encode(), data)] * len(numbers)],
        [(b"dimg", 1, (numbers * (columns * rows))[: columns * rows])],
        [ispe(*shown_wh), ispe(*said_wh), configuration],
        {1: [1], **{number: [2, 3] for number in numbers}},
        brand=b"heic" if name == "hvc1" else b"avif",
    )


def one(name: str, said_wh: tuple[int, int], data: bytes, configuration: bytes) -> bytes:
    return container(
        [(name.encode(), data)],
        [],
        [ispe(*said_wh), configuration],
        {1: [1, 2]},
        brand=b"heic" if name == "hvc1" else b"avif",
    )


def grid_of_grids(name: str, depth: int) -> bytes:
    """Return a grid of 16x16 grids of 16x16 grids …, of one picture at last."""
    configuration, data = coded(name)
    head = struct.pack(">BBBBII", 0, 1, 15, 15, 1024, 768)
    return container(
        [*[(b"grid", head)] * depth, (name.encode(), data)],
        [(b"dimg", level, [level + 1] * 256) for level in range(1, depth + 1)],
        [ispe(1024, 768), ispe(64, 48), configuration],
        {**{level: [1] for level in range(1, depth + 1)}, depth + 1: [2, 3]},
        brand=b"heic" if name == "hvc1" else b"avif",
    )


def av1_sequence(size_wh: tuple[int, int]) -> bytes:
    """Return an AV1 sequence header for a still picture of that size."""
    bits = [(0, 3), (1, 1), (1, 1), (8, 5), (15, 4), (15, 4)]
    bits += [(size_wh[0] - 1, 16), (size_wh[1] - 1, 16), (0, 40)]
    value = length = 0
    for number, count in bits:
        value, length = value << count | number, length + count
    body = (value << -length % 8).to_bytes(-(-length // 8), "big")
    return bytes([0x0A, len(body)]) + body


def av1_of(size_wh: tuple[int, int], frames: int = 1) -> bytes:
    configuration, _ = coded("av01")
    data = av1_sequence(size_wh) + (b"\x32\x20" + bytes(32)) * frames
    return one("av01", (64, 48), data, configuration)


def many_slices(count: int) -> bytes:
    configuration, data = coded("hvc1")
    length = int.from_bytes(data[:4], "big")
    return one("hvc1", (64, 48), data[: 4 + length] * count, configuration)


def burst_of_metadata() -> bytes:
    """Return a thousand pictures, each with the same 15 MB of EXIF."""
    configuration, data = coded("hvc1")
    count = 900
    return container(
        [*[(b"hvc1", data)] * count, (b"Exif", bytes(4) + b"Exif\0\0" + bytes(15 * 2**20))],
        [(b"cdsc", count + 1, list(range(1, count + 1)))],
        [ispe(64, 48), configuration],
        {number: [1, 2] for number in range(1, count + 1)},
        brand=b"heic",
    )
