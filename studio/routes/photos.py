"""Photos, by their content: the browser may keep them for ever."""

from fastapi import APIRouter, Response

from studio.photos.thumbnails import MEDIA_TYPE
from studio.routes.dependencies import CurrentProject, Studio

router = APIRouter(prefix="/api/projects/{name}")


@router.get("/photos/{sha256}")
def photo(current: CurrentProject, studio: Studio, sha256: str, side: int = 240) -> Response:
    """Return a photo of the folder as a JPEG of at most `side` px."""
    data = studio.thumbnails.of_file(current.photo_file(sha256), sha256, side)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, media_type=MEDIA_TYPE, headers=headers)
