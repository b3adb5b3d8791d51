"""A client of the service: connections kept, overload waited out, a whole folder at once.

The standard library alone; nothing of the server is imported. The folder may be copied.

    with Client("http://127.0.0.1:8000") as client:
        print(client.predict(Path("cat.jpg")).label)
        for path, answer in client.predict_folder(Path("photos")):
            ...

As a command: `python -m service.client FOLDER [--url URL] [--model NAME]` writes a line of JSON an image.
"""

from .answers import Answer, ClientError, Refused, Unreachable
from .client import Client, Retry
from .folder import IMAGE_SUFFIXES, image_files

__all__ = [
    "IMAGE_SUFFIXES",
    "Answer",
    "Client",
    "ClientError",
    "Refused",
    "Retry",
    "Unreachable",
    "image_files",
]
