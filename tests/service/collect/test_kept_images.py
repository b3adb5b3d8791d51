"""Reading what was kept, while it is written: pages in both orders, marks, damaged and foreign lines."""

import shutil
from pathlib import Path

import pytest

from service.collect.json_lines import append_line
from service.collect.kept_images import KeptImages
from service.collect.kept_records import (
    ANSWERS_FILE,
    FEEDBACK_FILE,
    Feedback,
    KeptAnswer,
    LabelShare,
    as_line,
    check_label,
)
from service.keep_policy import Reason

DAY = "2026-11-29"


def keep(
    folder: Path,
    number: int,
    *,
    day: str = DAY,
    probability: float = 0.5,
    reasons: tuple[Reason, ...] = ("rejected",),
) -> str:
    """Write an image and its answer as the service does; return its sha256. `number` is its second."""
    sha256 = f"{number:064x}"
    answer = KeptAnswer(
        request_id=f"r{number}",
        index=0,
        sha256=sha256,
        file=f"{sha256}.jpg",
        time=f"{day}T12:00:{number:02d}.000+00:00",
        model="colours",
        version=1,
        label="red",
        probability=probability,
        rejected=True,
        top=(LabelShare(label="red", probability=probability),),
        reasons=reasons,
    )
    (folder / day).mkdir(parents=True, exist_ok=True)
    (folder / day / answer.file).write_bytes(b"image")
    append_line(folder / day / ANSWERS_FILE, as_line(answer))
    return sha256


def test_pages_go_from_the_newest_on_and_from_the_least_sure_on(tmp_path: Path) -> None:
    keep(tmp_path, 59, day="2026-11-28", probability=0.3)
    for number, probability in ((1, 0.9), (2, 0.2), (3, 0.4)):
        keep(tmp_path, number, probability=probability)
    kept = KeptImages(tmp_path)
    first = kept.page(limit=3)
    assert first.total == 4
    assert [image.answer.request_id for image in first.images] == ["r3", "r2", "r1"]
    second = kept.page(limit=3, after=first.images[-1].answer.sha256)
    assert [image.answer.request_id for image in second.images] == ["r59"]
    unsure = kept.page(order="least sure").images
    assert [image.answer.probability for image in unsure] == [0.2, 0.3, 0.4, 0.9]


def test_the_next_page_goes_on_behind_an_image_that_was_handled_meanwhile(tmp_path: Path) -> None:
    for number in range(4):
        keep(tmp_path, number)
    kept = KeptImages(tmp_path)
    page = kept.page(limit=2)
    for image in page.images:
        assert kept.mark_handled(image.answer.sha256, "green")
    assert KeptImages(tmp_path).page(handled=True).total == 2  # it is on the disk
    following = kept.page(limit=2, after=page.images[-1].answer.sha256)
    assert [image.answer.request_id for image in following.images] == ["r1", "r0"]
    assert following.total == 2


def test_only_those_of_one_reason(tmp_path: Path) -> None:
    keep(tmp_path, 1, reasons=("rejected", "uncertain"))
    keep(tmp_path, 2, reasons=("sample",))
    assert [i.answer.request_id for i in KeptImages(tmp_path).page(reason="uncertain").images] == [
        "r1"
    ]


def test_what_is_written_between_two_looks_is_seen(tmp_path: Path) -> None:
    kept = KeptImages(tmp_path / "not yet there")
    assert kept.page().total == 0
    for number in range(20):  # also within one tick of the clock
        sha256 = keep(tmp_path / "not yet there", number)
        found = kept.find(sha256)
        assert found is not None
        assert found.path.read_bytes() == b"image"
    shutil.rmtree(tmp_path / "not yet there" / DAY)
    assert kept.page().total == 0
    assert not kept.mark_handled(sha256, None)


def test_the_right_label_that_a_program_sent_stands_with_its_image(tmp_path: Path) -> None:
    sha256 = keep(tmp_path, 1)
    sent = Feedback(
        sha256=sha256, time="", request_id="r1", index=0, label="blue", known=True, answered="red"
    )
    append_line(tmp_path / DAY / FEEDBACK_FILE, as_line(sent))
    found = KeptImages(tmp_path).find(sha256)
    assert found is not None
    assert found.feedback == sent
    assert not sent.agrees


def test_a_line_that_was_cut_short_and_one_with_a_foreign_path_spoil_no_other(
    tmp_path: Path,
) -> None:
    keep(tmp_path, 1)
    file = tmp_path / DAY / ANSWERS_FILE
    line = file.read_text(encoding="utf-8").strip()
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line.replace(f"{1:064x}.jpg", "../../etc/passwd"))
        stream.write("\n" + line[:40])
    keep(tmp_path, 2)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line.replace('{"', '{"of_a_later_version": 1, "', 1).replace("r1", "r9"))
        stream.write("\n")
    kept = {image.answer.request_id for image in KeptImages(tmp_path).page().images}
    assert kept == {"r9", "r2"}


@pytest.mark.parametrize("label", ["", "  ", "a/b", "..", ".hidden", "two\nlines", "x" * 201])
def test_a_label_that_could_name_no_folder_of_images_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="a label"):
        check_label(label)


def test_a_label_is_composed_as_training_composes_it() -> None:
    assert check_label(" 태연 ") == "태연"
