"""The process in which a package is tried: bounded, expendable, without a way back but one line of JSON."""

import json
import os
import sys
import threading
from pathlib import Path

import numpy as np

from inference.child_process import bound_data, go_first, lower_limit
from inference.classifier import Classifier
from inference.errors import InferenceError, PackageError
from inference.golden import check_golden
from inference.package import read_package
from inference.session import SessionConfig
from inference.strictjson import from_json, parse_json
from inference.trial import OUT_OF_MEMORY, TrialRequest

_NICE = 10


def main() -> None:
    """Read what to try from the standard input, and write what is wrong with it, or null."""
    request = from_json(TrialRequest, parse_json(sys.stdin.buffer.readline()), where="request")
    _bound_this_process(request)
    threading.Thread(target=_end_with_the_asker, daemon=True).start()
    json.dump(_problem_of(request), sys.stdout)
    sys.stdout.flush()
    os._exit(0)


def _problem_of(request: TrialRequest) -> str | None:
    try:
        _try(request)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except InferenceError as err:
        if _is_of_memory(err):
            os._exit(OUT_OF_MEMORY)
        return str(err)
    return None


def _try(request: TrialRequest) -> None:
    """Load it, run it at each size, and on its golden images."""
    folder = Path(request.folder)
    package = read_package(folder)
    files = package.manifest.files or {}
    if request.precision not in files or files[request.precision].sha256 != request.sha256:
        raise PackageError("the package changed while it was looked at")
    session = SessionConfig(provider=request.provider, intra_op_threads=request.threads)
    classifier = Classifier.load(package, session=session, precision=request.precision)
    height, width = classifier.manifest.crop_hw
    for size in request.batch_sizes:
        classifier.run(np.zeros((size, height, width, 3), np.uint8), activation_map=True)
    check_golden(classifier, folder, same_answers=request.same_answers)


def _bound_this_process(request: TrialRequest) -> None:
    go_first()
    if sys.platform != "win32":
        import resource

        os.nice(_NICE)
        lower_limit(resource.RLIMIT_CPU, max(1, round(request.cpu_s)))
        lower_limit(resource.RLIMIT_CORE, 0)
    bound_data(request.memory_bytes)


def _end_with_the_asker() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _is_of_memory(err: BaseException) -> bool:
    """Return whether memory is behind an error; ONNX Runtime says so in its text alone."""
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, MemoryError) or "alloc" in str(cause).lower():
            return True
        cause = cause.__cause__
    return False
