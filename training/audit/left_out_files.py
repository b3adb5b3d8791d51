"""Files that cannot be used, those of one kind in one line: "16 files: this is an HTML page, …"."""

import re
from collections.abc import Iterator, Sequence

from training.data.finding import Finding, counted
from training.data.scan import UnreadableFile
from training.data.too_large import joined_limits

_NUMBERS = re.compile(r"\d[\d,.]*%?")


def left_out_findings(unreadable: Sequence[UnreadableFile]) -> Iterator[Finding]:
    """Yield a finding for damaged files and others that are no images, and one for those over a limit."""
    bad, large = without_too_large(unreadable), too_large(unreadable)
    if bad:
        yield Finding(
            kind="quarantined",
            severity="warning",
            message=f"{counted(len(bad), 'file')} cannot be read as an image and "
            f"{'is' if len(bad) == 1 else 'are'} left out",
            count=len(bad),
            next_step="replace them with sound copies, or remove them",
        )
    if large:
        options = joined_limits(file.needs for file in large if file.needs is not None).options
        them = "it" if len(large) == 1 else "them"
        yield Finding(
            kind="over_limits",
            severity="warning",
            message=f"{counted(len(large), 'image')} {'is' if len(large) == 1 else 'are'} too large and "
            "left out",
            count=len(large),
            next_step=f"scale {them} down" + (f", or add {options}" if options else ""),
        )


def without_too_large(unreadable: Sequence[UnreadableFile]) -> list[UnreadableFile]:
    """Return the files that no limit lets in."""
    return [file for file in unreadable if file.needs is None]


def too_large(unreadable: Sequence[UnreadableFile]) -> list[UnreadableFile]:
    """Return the images that only a limit keeps out."""
    return [file for file in unreadable if file.needs is not None]


def grouped_by_reason(files: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each reason, the commonest first.

    Args:
        files: paths with reasons; reasons that differ in their numbers alone are one.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for path, reason in files:
        groups.setdefault(_NUMBERS.sub("#", reason), []).append((path, reason))
    for group in sorted(groups.values(), key=len, reverse=True):
        path, reason = group[0]
        if len(group) == 1:
            yield f"{path}: {reason}"
        else:
            yield f"{len(group):,} files (such as {path}): {reason}"
