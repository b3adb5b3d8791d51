"""What the decoder notes of a file is a finding of the audit."""

from pathlib import Path

import pytest

from tests.builders import encode
from tests.inference.samples import noise
from tests.training.data.reading import read
from tests.training.folders import write_classes
from training.audit.noted_files import noted_findings

pytestmark = pytest.mark.training


def test_jpegs_that_end_too_early_and_files_of_many_pages_are_counted(tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", ["cat", "dog"], count=2)
    for number in range(2):
        jpeg = encode(noise((64, 64), seed=number), "JPEG")
        (data / "cat" / f"cut{number}.jpg").write_bytes(jpeg[:-2])
    pages = encode(noise((64, 64)), "TIFF", save_all=True, append_images=[noise((64, 64))])
    (data / "dog" / "pages.tif").write_bytes(pages)
    for _ in range(2):  # decoded, and then from the cache
        scan = read(data, tmp_path)
        incomplete, paged = noted_findings(scan.images, scan.folder.relative)
        assert incomplete.count == 2
        assert incomplete.sentence == (
            "2 JPEGs end too early and were filled up (such as 'cat/cut0.jpg'); replace them with whole "
            "copies"
        )
        assert paged.message == "1 file of many pages, of which the first was read"
