"""Images beside the class folders rather than in one."""

from training.data.finding import Finding, counted
from training.data.place import Place


def loose_images(place: Place) -> list[Finding]:
    """Say how many images lie in no class folder."""
    loose = place.folder.images
    if not loose:
        return []
    return [
        Finding(
            kind="loose_images",
            severity="warning",
            message=f"{counted(len(loose), 'image')} left out: beside the class folders, in none",
            count=len(loose),
            example=loose[0],
            next_step="move them into the folder of their class",
        )
    ]
