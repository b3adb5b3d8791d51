"""The client as a command: a folder of images in, a line of JSON an image out, progress on stderr."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from inference.command_line import run_command, write_json
from inference.option_parser import OptionParser, positive_int
from service.client import Answer, Client, Refused, Unreachable, image_files

# Not an argument: it would be seen in the list of processes.
KEY_VARIABLE = "GRAFT_CLIENT_KEY"
_URL: Final = "http://127.0.0.1:8000"


def main(argv: Sequence[str] | None = None, *, prog: str = "python -m service.client") -> int:
    """Classify a folder; 0 where every image was answered, 1 where some were not, 2 where none can be."""
    return run_command(
        lambda: _run(_parser(prog).parse_args(argv)), refusals=(NotADirectoryError, ValueError)
    )


def _run(args: argparse.Namespace) -> int:
    files = image_files(args.folder)
    if not files:
        return _refuse(f"folder {str(args.folder)!r} holds no image file")
    key = os.environ.get(KEY_VARIABLE)
    client = Client(args.url, api_key=key, model=args.model, connections=args.connections)
    failed, started = 0, time.monotonic()
    write_json()
    with client:
        for done, (path, found) in enumerate(client.predict_many(files, version=args.version), 1):
            if isinstance(found, (Refused, Unreachable)) and found.concerns_every_image:
                return _refuse(_with_remedy(found, key))
            failed += not isinstance(found, Answer)
            line = {"file": str(path.relative_to(args.folder)), **_as_dict(found)}
            print(json.dumps(line, ensure_ascii=False))  # noqa: T201
            _show_progress(done, len(files), failed, time.monotonic() - started)
    return 1 if failed else 0


def _with_remedy(err: Refused | Unreachable, key: str | None) -> str:
    if isinstance(err, Refused) and err.status == 401:
        if key:
            return f"the service does not know the API key in {KEY_VARIABLE}"
        return f"the service wants an API key; set {KEY_VARIABLE} to one of its keys"
    if isinstance(err, Refused) and err.code == "model_not_chosen":
        return f"{err}; choose with --model"
    if isinstance(err, Unreachable) and isinstance(err.__cause__, ConnectionRefusedError):
        return f"{err}; start the service there, or give its address with --url"
    return str(err)


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    return 2


def _as_dict(found: Answer | Exception) -> dict[str, Any]:
    if isinstance(found, Answer):
        return {name: getattr(found, name) for name in Answer.__slots__}
    return {"error": str(found)}


def _show_progress(done: int, total: int, failed: int, seconds: float) -> None:
    if done % 50 == 0 or done == total:
        text = (
            f"{done} of {total} images, {failed} failed, {done / max(seconds, 1e-9):.0f} a second"
        )
        print(text, file=sys.stderr)  # noqa: T201


def _parser(prog: str) -> OptionParser:
    parser = OptionParser(
        prog=prog,
        description=f"Classify every image under a folder. An API key is read from {KEY_VARIABLE}.",
    )
    parser.add_argument("folder", type=Path, help="of images; its subfolders too")
    parser.add_argument("--url", default=_URL, help=f"the service's address (default: {_URL})")
    parser.add_argument("--model", default=None, help="needed where the service has several")
    parser.add_argument("--version", default=None, help="a number or an alias")
    parser.add_argument(
        "--connections",
        type=positive_int,
        default=8,
        help="images on their way at once (default: 8)",
    )
    return parser
