"""The images that the service has kept of one model, to be labelled by a person."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from service.collect.kept_day import KeptImage
from service.collect.kept_images import KeptImages, Order
from service.collect.kept_records import check_label
from service.keep_policy import Reason
from studio.errors import BadInput, NotFound
from studio.projects.copying import Copied, class_folder, copy_into
from studio.projects.project import Project

_MOST_COPIED: Final = 100_000
_LATELY: Final = 1000


class KeptQueue:
    """Reads the service's folder; writes only what the person decided there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept = KeptImages(folder)

    def page(
        self,
        model: str,
        *,
        order: Order,
        reason: Reason | None,
        limit: int,
    ) -> dict[str, Any]:
        """Return the next images that nobody has decided about, their number, and names given lately."""
        page = self._kept.page(order=order, reason=reason, model=model, limit=limit)
        done = self._kept.page(handled=True, model=model, limit=_LATELY)
        given = [image.handled.label for image in done.images if image.handled is not None]
        return {
            "total": page.total,
            "decided": done.total,
            "given": sorted({label for label in given if label is not None}),
            "images": [_as_json(image) for image in page.images],
        }

    def decide(self, project: Project, sha256: str, label: str | None) -> None:
        """Note the label of an image, or that it is of no use (None); on the disk on return.

        Raises:
            BadInput: no class folder can have that name.
            NotFound: the image is gone.
        """
        if label is not None:
            try:
                label = check_label(label)
            except ValueError as err:
                raise BadInput(str(err)) from err
            class_folder(project.data, label)
        if not self._kept.mark_handled(sha256, label):
            raise NotFound("the service has removed this image meanwhile; go on with the next")

    def undecided(self, model: str) -> dict[str, str]:
        """Return the name of each file that nobody has decided about, by content hash."""
        page = self._kept.page(model=model, limit=_MOST_COPIED)
        return {image.answer.sha256: image.path.name for image in page.images}

    def undo(self, sha256: str) -> None:
        """Take back what was decided of an image; on the disk on return.

        Raises:
            NotFound: the image is gone.
        """
        if not self._kept.mark_handled(sha256, None, undone=True):
            raise NotFound("the service has removed this image meanwhile; go on with the next")

    def file(self, sha256: str) -> Path:
        """Return where an image lies.

        Raises:
            NotFound: it is gone.
        """
        found = self._kept.find(sha256)
        if found is None:
            raise NotFound("the service has removed this image meanwhile")
        return found.path

    def copy(self, project: Project) -> Copied:
        """Copy every labelled image of the project's model into its class folder.

        Raises:
            DiskProblem: the folder cannot be written.
        """
        page = self._kept.page(handled=True, model=project.name, limit=_MOST_COPIED)
        files = [
            (image.path, image.answer.sha256, image.handled.label)
            for image in page.images
            if image.handled is not None and image.handled.label is not None
        ]
        return copy_into(project.data, files)


def _as_json(image: KeptImage) -> dict[str, Any]:
    answer, feedback = image.answer, image.feedback
    return {
        "sha256": answer.sha256,
        "path": answer.file,
        "label": answer.label,
        "probability": answer.probability,
        "rejected": answer.rejected,
        "reasons": list(answer.reasons),
        "time": answer.time,
        "top": [asdict(share) for share in answer.top],
        "feedback": None if feedback is None else feedback.label,
    }
