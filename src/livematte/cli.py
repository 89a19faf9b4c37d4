"""The command line: a command is a typed function, its docstring the help."""

from __future__ import annotations

import os
import signal
import sys

from cyclopts import App, CycloptsError

import livematte
from livematte.commands import annotate, batches, clips, data, lab, live
from livematte.commands.serve import serve
from livematte.errors import LivematteError

app = App(
    name="livematte",
    help="Cut people out of video, live.",
    version=livematte.__version__,
    suppress_keyboard_interrupt=False,
)
for command in (
    clips.demo,
    clips.replace,
    clips.matte,
    batches.batch,
    clips.info,
    clips.bench,
    live.camera,
    live.devices,
    lab.evaluate,
    lab.train,
    lab.ablate,
    lab.export,
    serve,
):
    app.command(command)
app.command(data.data)
app.command(annotate.annotate)


def main() -> None:
    """Run a command; a user's mistake ends with one line and exit code 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill cleans up as Ctrl-C does
    try:
        app(exit_on_error=False, print_error=False)
    except (CycloptsError, LivematteError) as error:
        print(f"livematte: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # impatience changes nothing any more
        print("livematte: stopped; no output was written", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # what read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        sys.exit(141)
