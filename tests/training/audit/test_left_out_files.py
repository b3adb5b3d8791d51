"""Files that cannot be used are said once, those of one kind together."""

from training.audit.left_out_files import grouped_by_reason


def test_files_of_one_kind_are_one_line_and_numbers_make_no_other_kind() -> None:
    page = "this is an HTML page, not an accepted image; replace it with an image"
    files = [(f"pants/err{number}.jpg", page) for number in range(16)]
    files += [
        ("pants/cut.jpg", "JPEG image is truncated: 40% of its rows are missing"),
        ("shoes/cut.jpg", "JPEG image is truncated: 52.5% of its rows are missing"),
        ("shoes/empty.jpg", "image is empty (0 bytes)"),
    ]
    assert list(grouped_by_reason(files)) == [
        f"16 files (such as pants/err0.jpg): {page}",
        "2 files (such as pants/cut.jpg): JPEG image is truncated: 40% of its rows are missing",
        "shoes/empty.jpg: image is empty (0 bytes)",
    ]
