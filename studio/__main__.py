"""Open the studio in the browser: `python -m studio`, or with a folder of photos, `python -m studio photos/`.

It listens on this machine only, at an address with a secret in it. Exit code 0 after Ctrl-C; 2 for options
that cannot be used.
"""

import argparse
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from inference.command_line import run_command
from inference.errors import UsageError
from inference.option_parser import OptionParser
from studio.access.hosts import hosts_of, in_address
from studio.access.own_address import shown_host
from studio.access.secret import PARAMETER, PROJECT, make_secret
from studio.analysis.moved_folder import open_folder_of_photos
from studio.app import create_app
from studio.errors import StudioError
from studio.settings import LOOPBACK, Settings
from training.data.cache import default_cache_dir

_SHORTEST_KEY: Final = 16


def main(argv: Sequence[str] | None = None, *, prog: str = "python -m studio") -> int:
    """Run the studio until it is told to stop; return the exit code."""
    return run_command(lambda: _run(_parser(prog).parse_args(argv)), refusals=(StudioError,))


def _run(args: argparse.Namespace) -> None:
    secret = _secret(args)
    listener = _listen(args.host, args.port)
    settings = _settings(args, secret, listener)
    project = open_folder_of_photos(settings.models_dir, settings.roots[0]) if args.folder else None
    place = f"&{PROJECT}={project.name}" if project else ""
    url = f"http://{in_address(shown_host(args.host))}:{listener.getsockname()[1]}/?{PARAMETER}={secret}{place}"
    print(f"the studio is open at\n  {url}\nCtrl-C closes it; a training goes on", flush=True)
    if not args.no_browser:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning"))
    server.run(sockets=[listener])


def _parser(prog: str) -> OptionParser:
    parser = OptionParser(
        prog=prog,
        description="One local page around training and serving: look, correct, train, try.",
    )
    parser.add_argument("folder", type=Path, nargs="?", help="folder of images to begin with")
    parser.add_argument(
        "--models-dir", type=Path, default=Path("models"), help="the model repository (models)"
    )
    parser.add_argument(
        "--root",
        type=Path,
        action="append",
        default=[],
        help="a folder below which folders may be chosen; may be repeated (the home folder)",
    )
    parser.add_argument(
        "--keep-dir",
        type=Path,
        default=Path(os.environ.get("GRAFT_KEEP_DIR", "kept")),
        help="folder in which a service keeps images, its GRAFT_KEEP_DIR (kept)",
    )
    parser.add_argument("--port", type=int, default=0, help="port (a free one)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; others than this machine's need a key",
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        help=f"file with a key of {_SHORTEST_KEY} characters or more, in place of a new secret",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    return parser


def _secret(args: argparse.Namespace) -> str:
    if args.key_file is None:
        if args.host not in LOOPBACK:
            raise UsageError(f"--host {args.host} lets other machines in; it needs --key-file FILE")
        return make_secret()
    try:
        key: str = args.key_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as err:
        raise UsageError(f"--key-file {str(args.key_file)!r} cannot be read") from err
    if (
        len(key) < _SHORTEST_KEY
        or not key.isascii()
        or not key.replace("-", "").replace("_", "").isalnum()
    ):
        raise UsageError(
            f"the key in {str(args.key_file)!r} needs {_SHORTEST_KEY} letters, digits, - or _, or more"
        )
    return key


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as err:
        raise UsageError(f"cannot listen on {host}:{port}: {err}; choose another --port") from err


def _settings(args: argparse.Namespace, secret: str, listener: socket.socket) -> Settings:
    named = [*([args.folder] if args.folder else []), *args.root]
    for folder in named:
        if not folder.is_dir():
            raise UsageError(f"there is no folder {str(folder)!r}")
    roots = named if args.root else [*named, Path.home()]
    port = listener.getsockname()[1]
    return Settings(
        models_dir=args.models_dir,
        roots=tuple(Path(os.path.realpath(root)) for root in roots),
        secret=secret,
        hosts=hosts_of(args.host, port),
        cache_dir=default_cache_dir(),
        keep_dir=args.keep_dir,
    )


if __name__ == "__main__":
    sys.exit(main())
