"""Start the service: `python -m service`. Settings are `GRAFT_…` variables; see `settings.py`.

Exit code 0 after SIGTERM or Ctrl-C; 2 for settings, an address or hardware that cannot be used.
"""

import argparse
import errno
import logging
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from inference import ProviderUnavailable
from inference.errors import UsageError
from inference.option_parser import OptionParser
from inference.providers import GPU_PROVIDERS
from inference.session import why_never_run
from service import __version__
from service.app import create_app
from service.collect.keep_folder import KeepFolder
from service.context import keep_room, session_config
from service.contracts import CONTRACTS
from service.engine.hardware import probe_provider
from service.logs import configure_logging
from service.processes.server import DrainingServer, bind
from service.processes.worker_folder import NoWorkerFolder
from service.processes.workers import Supervisor
from service.service_links import given_settings, links_message, service_links
from service.settings import ENV_PREFIX, Settings, misspelt_variables
from service.settings_check import check_models
from service.settings_errors import settings_message
from service.settings_help import settings_help

logger = logging.getLogger("service")

# The settings that are also options of the command.
_OPTIONS: Final = ("models_dir", "host", "port", "workers")


def main(argv: Sequence[str] | None = None, *, prog: str = "python -m service") -> int:
    """Run the service until it is told to stop; return the exit code."""
    try:
        arguments = _parser(prog).parse_args(argv)
    except UsageError as err:
        return _refuse(str(err))
    _take_platform_settings()
    for name in _OPTIONS:
        if (value := getattr(arguments, name)) is not None:
            _give_setting(name, value)
    configure_logging("text")
    _warn_of_variables()
    try:
        settings = Settings()
        configure_logging(settings.log_format, settings.log_level)
        _check_hardware(settings)
        _check_keep_folder(settings)
        if arguments.check:
            return _check(settings)
        listener = _listen(settings.host, settings.port, "PORT")
        metrics_listener = (
            _listen(settings.host, settings.metrics_port, "METRICS_PORT")
            if settings.metrics_port is not None
            else None
        )
    except ValidationError as err:
        return _refuse(settings_message(err))
    except (ProviderUnavailable, _CannotListen, _CannotKeep) as err:
        return _refuse(str(err))
    if metrics_listener is not None:
        logger.info("metrics url=%s/metrics", _url(metrics_listener))
    logger.info("listening url=%s models_dir=%s", _url(listener), settings.models_dir)
    exit_code = _serve(settings, listener, metrics_listener)
    logger.info("stopped")
    return exit_code


def _check(settings: Settings) -> int:
    found = check_models(settings)
    if not found.usable:
        return _refuse(found.line)
    print(found.line)  # noqa: T201
    return 0


def _take_platform_settings() -> None:
    """Take the port and the models folder that a managed platform gives, before what an image sets."""
    given = given_settings(os.environ, prefix=ENV_PREFIX)
    contract = CONTRACTS.get(given.get("contract", ""))
    if contract is not None:
        for name, value in contract.settings(os.environ).items():
            _give_setting(name, value)


def _give_setting(name: str, value: str) -> None:
    """Set the variable of a setting, in place of every spelling of it in other cases."""
    variable = f"{ENV_PREFIX}{name.upper()}"
    for other in [found for found in os.environ if found.upper() == variable]:
        del os.environ[other]
    os.environ[variable] = value


class _CannotListen(Exception):
    """An address that is taken, or is not one of this machine."""


def _listen(host: str, port: int, setting: str) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as err:
        reason = os.strerror(err.errno) if err.errno else str(err)
        raise _CannotListen(
            f"cannot listen on {host}:{port}: {reason}; "
            f"choose another with {ENV_PREFIX}HOST or {ENV_PREFIX}{setting}"
        ) from err


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _warn_of_variables() -> None:
    """Say which variables look like settings and are none."""
    links = service_links(os.environ, prefix=ENV_PREFIX)
    if links:
        logger.warning("%s", links_message(links))
    for warning in misspelt_variables(os.environ.keys() - links):
        logger.warning("%s", warning)


def _serve(
    settings: Settings, listener: socket.socket, metrics_listener: socket.socket | None
) -> int:
    if settings.workers > 1:
        try:
            return Supervisor(settings, listener, metrics_listener).run()
        except NoWorkerFolder as err:
            return _refuse(str(err))
    DrainingServer(create_app(settings), settings, metrics_listener).run(sockets=[listener])
    return 0


def _parser(prog: str) -> OptionParser:
    parser = OptionParser(
        prog=prog,
        description="Serve the published models. Settings are environment variables, here with their values "
        f"and [defaults]:\n\n{settings_help()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        type=_command,
        metavar="serve",
        help="what SageMaker starts an image with; the same as without",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="say in a line what would be served, and end; exit code 2 where the settings cannot be used",
    )
    for name in _OPTIONS:
        variable = f"{ENV_PREFIX}{name.upper()}"
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, metavar=name.upper(), help=f"the same as {variable}=…")
    parser.add_argument("--version", action="version", version=f"graft {__version__}")
    return parser


def _command(text: str) -> str:
    if text != "serve":
        raise argparse.ArgumentTypeError(
            f"{text!r} is no command; the models folder is given by --models-dir or {ENV_PREFIX}MODELS_DIR"
        )
    return text


def _check_hardware(settings: Settings) -> None:
    """Refuse to start rather than let every model fail."""
    config = session_config(settings)
    if (why := why_never_run("fp32", config)) is not None:
        raise ProviderUnavailable(why)
    if settings.require_gpu or settings.provider in GPU_PROVIDERS:
        probe_provider(config)


class _CannotKeep(Exception):
    """A folder that the service may not write to."""


def _check_keep_folder(settings: Settings) -> None:
    """Refuse to start where nothing could ever be kept; a disk that is full today is none of that."""
    if not settings.keep:
        return
    try:
        KeepFolder(keep_room(settings)).prepare()
    except OSError as err:
        if err.errno != errno.ENOSPC:
            raise _CannotKeep(
                f"cannot write to GRAFT_KEEP_DIR {str(settings.keep_dir)!r}: {err.strerror}; let the service "
                "write there, or choose another folder"
            ) from err


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201  # for the person who started it
    return 2


if __name__ == "__main__":
    sys.exit(main())
