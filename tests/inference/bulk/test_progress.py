"""The line on a terminal."""

import io

from inference.bulk.progress import Progress, progress_line


def test_rate_and_time_left_are_shown_as_far_as_they_are_known() -> None:
    assert (
        progress_line(done=1024, total=200_000, rate=310)
        == "1,024 of 200,000 images, 310/s, 11 min left"
    )
    assert progress_line(done=1024, total=None, rate=310) == "1,024 images, 310/s"
    assert progress_line(done=0, total=5, rate=0) == "0 of 5 images, 0/s"


def test_a_file_or_a_pipe_gets_no_progress() -> None:
    stream = io.StringIO()
    progress = Progress(stream, done=0, count=lambda: 1)
    progress.add(1)
    progress.close()
    assert stream.getvalue() == ""
