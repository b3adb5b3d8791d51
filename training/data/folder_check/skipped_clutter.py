"""What systems and programs left in the folder, and nobody means to train on."""

from collections import Counter
from collections.abc import Iterable

from training.data.finding import Finding, counted
from training.data.folder import readable
from training.data.place import Place


def skipped_clutter(root: Place) -> list[Finding]:
    """Name what was left alone, by name: `@eaDir`, `Thumbs.db`, hidden files."""
    return clutter_finding(name for _, folder in root.folders() for name in folder.clutter)


def clutter_finding(names: Iterable[str], *, counted_as: str = "name") -> list[Finding]:
    """Return a finding about names that were left alone; `counted_as` is what each of them stands for."""
    found = Counter("hidden files" if name.startswith(".") else readable(name) for name in names)
    if not found:
        return []
    kinds = ", ".join(f"{name} ({count:,})" for name, count in found.most_common(5))
    return [
        Finding(
            kind="clutter",
            severity="info",
            message=f"{counted(found.total(), counted_as)} of systems and programs skipped: {kinds}",
            count=found.total(),
            next_step="rename what is a photo or class of yours",
        )
    ]
