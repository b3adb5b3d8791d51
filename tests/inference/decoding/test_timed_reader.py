"""A decode ends where its time is over, at the next piece that it asks for."""

import io
import time

import pytest
from PIL import Image

from inference.decoding.timed_reader import OutOfTime, TimedReader
from tests.builders import encode
from tests.inference.samples import noise


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "GIF"])
def test_a_decode_is_ended_in_its_midst(image_format: str) -> None:
    data = encode(Image.effect_noise((1200, 1200), 100), image_format)
    assert len(data) > 5 * 65536
    reader = TimedReader(data, ends_at=time.thread_time() + 0.0005)
    with pytest.raises(OutOfTime), Image.open(reader) as image:
        image.load()
    assert 0 < reader.tell() < len(data)


def test_only_the_threads_own_seconds_count(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TimedReader(bytes(10_000), ends_at=time.thread_time() + 0.5)
    assert len(reader.read(4096)) == 4096
    now = time.thread_time()
    monkeypatch.setattr(time, "thread_time", lambda: now + 1)
    assert len(reader.read(10)) == 10  # too little to be worth a look at the clock
    with pytest.raises(OutOfTime):
        reader.read()


def test_it_reads_what_any_file_does() -> None:
    data = encode(noise((40, 30)))
    with (
        Image.open(TimedReader(data, ends_at=time.thread_time() + 9)) as ours,
        Image.open(io.BytesIO(data)) as its,
    ):
        assert ours.tobytes() == its.tobytes()
