"""Files that were read, but not as they should be: JPEGs that end too early, documents of many pages."""

from collections.abc import Callable, Iterator, Sequence

from training.data.finding import Finding, counted
from training.data.folder import ImageFile
from training.data.scan import ScannedImage


def noted_findings(
    images: Sequence[ScannedImage], relative: Callable[[ImageFile], str]
) -> Iterator[Finding]:
    """Yield a finding for each kind of note that the decoder made; `relative` gives a file's path."""
    incomplete = [image for image in images if _has_note(image, "incomplete")]
    if incomplete:
        is_one = len(incomplete) == 1
        yield Finding(
            kind="incomplete",
            severity="warning",
            message="1 JPEG ends too early and was filled up"
            if is_one
            else f"{len(incomplete):,} JPEGs end too early and were filled up",
            count=len(incomplete),
            example=relative(incomplete[0].file),
            next_step="replace it with a whole copy"
            if is_one
            else "replace them with whole copies",
            cost="quality",
        )
    paged = [image for image in images if _has_note(image, "pages")]
    if paged:
        yield Finding(
            kind="many_pages",
            severity="info",
            message=f"{counted(len(paged), 'file')} of many pages, of which the first was read",
            count=len(paged),
            example=relative(paged[0].file),
            next_step="save other pages as images of their own if they are wanted",
            cost="images",
        )


def _has_note(image: ScannedImage, word: str) -> bool:
    return any(word in note for note in image.facts.notes)
