"""Fine-tune a pretrained backbone on a folder of images and publish it as ONNX.

    python -m training.finetune photos/
    python -m training.finetune photos/ --backbone resnet50 --method finetune --time-budget 10m

Prints what it does; the last line is the published folder. Exit code 0; 2 for bad input, with nothing
published; 130 after Ctrl-C.
"""

import signal
import sys
from types import FrameType

from rich.console import Console

from inference.errors import InferenceError
from training.config import parse_config
from training.errors import TrainingError
from training.progress import Display


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        config = parse_config(argv)
        # PyTorch takes seconds to import: wrong options are told before.
        from training.pipeline import run

        published = run(config, Display(Console()))
    except (TrainingError, InferenceError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing was published", file=sys.stderr)
        return 130
    print(published)
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C, so that temporary files are removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
