"""Frames of real videos, made here by FFmpeg."""

import builtins
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from inference.file_kinds import VIDEO
from inference.folder_tree import kind_of_file
from tests.builders import COLOURS, coloured
from tests.inference.bulk.conftest import Predict, read_csv

FRAMES_PER_S = 5


def write_video(file: Path, labels: list[str]) -> None:
    """Write a second of each label's colour."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=FRAMES_PER_S)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for label in labels:
            pixels = np.full((64, 64, 3), COLOURS[label], np.uint8)
            for _ in range(FRAMES_PER_S):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Return a folder of a video, an image and a video that is cut short."""
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "clip.mp4", ["red", "green", "blue"])
    (folder / "broken.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(200))
    (folder / "photo.png").write_bytes(coloured("green"))
    return folder


@pytest.mark.parametrize(
    ("every", "times"),
    [
        ("1s", {"0.000": "red", "1.000": "green", "2.000": "blue"}),
        ("2s", {"0.000": "red", "2.000": "blue"}),
    ],
)
def test_frames_are_rows_beside_the_images(
    predict: Predict, videos: Path, tmp_path: Path, every: str, times: dict[str, str]
) -> None:
    assert kind_of_file(str(videos / "clip.mp4")) == VIDEO
    assert predict(videos, "--out", tmp_path / "p.csv", "--video", "--every", every) == 1
    rows = read_csv(tmp_path / "p.csv")
    assert [(row["path"], row["label"]) for row in rows] == [
        (str(videos / "broken.mkv"), ""),
        *((f"{videos / 'clip.mp4'}#t={at}", label) for at, label in times.items()),
        (str(videos / "photo.png"), "green"),
    ]
    assert rows[0]["problem"] == "video is damaged or of a kind that FFmpeg does not read"


def test_a_video_is_left_alone_unless_asked_for(
    predict: Predict, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(videos, "--out", tmp_path / "p.csv") == 0
    assert len(read_csv(tmp_path / "p.csv")) == 1
    assert predict(videos / "clip.mp4", "--out", tmp_path / "q.csv") == 2
    assert "is a video; add --video --every 1s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        ("av", ["--out", "p.csv", "--video"], "graft-classifier[video]"),
        ("pyarrow.parquet", ["--out", "p.parquet"], "graft-classifier[parquet]"),
    ],
)
def test_a_missing_extra_is_named(
    predict: Predict,
    videos: Path,
    module: str,
    options: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == module:
            raise ImportError(name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert predict(videos, *options) == 2
    assert said in capsys.readouterr().err
