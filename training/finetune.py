"""Fine-tune a pretrained backbone on a folder of images and publish it as ONNX.

    python -m training.finetune photos/
    python -m training.finetune photos/ --backbone resnet50 --method finetune --time-budget 10m

Prints what it does; the last line is the published folder. Exit code 0; 2 for bad input, with nothing
published; 130 after Ctrl-C, SIGTERM too: a training run is saved, and the same command resumes it.
Under `torchrun --nproc-per-node N -m training.finetune …` N processes train one model.
"""

import shlex
import sys
import time

from rich.console import Console

from training.command_options import parse_config
from training.config import COMMAND
from training.errors import Paused, StoppedAfterPublishing
from training.interrupts import end_process, ending_at_once, stopped_words
from training.runtime.command_line import run_command
from training.runtime.json_progress import EventWriter, JsonDisplay
from training.runtime.progress import Display
from training.runtime.ranks import is_main


def main(argv: list[str] | None = None, *, prog: str = COMMAND) -> int:
    """Run the command line; return the exit code."""
    started = time.monotonic()  # the time budget is the user's, imports included
    arguments = sys.argv[1:] if argv is None else argv
    events: list[EventWriter] = []
    exit_code = run_command(
        lambda: _run(arguments, prog, started, events),
        when_stopped=lambda err: _advice(err, [*prog.split(), *arguments]),
    )
    for writer in events:
        writer.write("end", exit_code=exit_code)
    return exit_code


def _run(arguments: list[str], prog: str, started: float, events: list[EventWriter]) -> None:
    config = parse_config(arguments, prog=prog)
    display = Display(Console(quiet=not is_main()))
    if config.progress == "json":
        display = JsonDisplay(Console(quiet=True), events=EventWriter(started))
        if is_main():
            events.append(display.writer)
            events[0].write("stage", stage="starting", done=0, of=1, seconds_left=None)
    # It takes a second to import: wrong options are refused before.
    with ending_at_once():
        from training.run.pipeline import run

    published = run(config, display, started=started)
    if published is None:
        return
    if events:
        events[0].write("published", folder=str(published))
    else:
        print(published)


def _advice(stopped: KeyboardInterrupt, command: list[str]) -> str:
    """Return what to do after Ctrl-C."""
    if isinstance(stopped, StoppedAfterPublishing):
        return f"stopped; {stopped.args[0]} is published"
    if not isinstance(stopped, Paused):
        return stopped_words(command)
    return f"stopped, checkpoint saved; resume with\n  {shlex.join(command)}"


if __name__ == "__main__":
    end_process(main())
