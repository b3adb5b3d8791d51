"""An answer by its request: which image it was about, and what the model said."""

from dataclasses import dataclass
from pathlib import Path

from service.collect.kept_images import day_folders
from service.collect.kept_records import ANSWERS_FILE, KeptAnswer, from_line, key_of_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnswer:
    """An answer, and the day's folder that it is in."""

    day: str
    answer: KeptAnswer


def find_answer(folder: Path, request_id: str, index: int) -> FoundAnswer | None:
    """Return the newest answer of that name. Blocking: reads the lines of all days, until it is found.

    Raises:
        OSError: the folder cannot be read.
    """
    begin = b"\n" + key_of_answer(request_id, index)
    for day in reversed(day_folders(folder)):
        try:
            lines = (folder / day / ANSWERS_FILE).read_bytes()
        except FileNotFoundError:
            continue
        at = lines.rfind(begin)
        line = lines[at + 1 :].partition(b"\n")[0] if at >= 0 else b""
        answer = from_line(KeptAnswer, line)
        if answer is not None:
            return FoundAnswer(day=day, answer=answer)
    return None
