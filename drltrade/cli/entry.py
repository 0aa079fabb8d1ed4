"""Runs a command and turns every way it can end into an exit code and one sentence."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from drltrade.errors import DrltradeError

__all__ = ["main"]

INTERRUPTED = 130
"""The shell's code for a process that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `drltrade` with some arguments; the process's own when none are given.

    Returns:
        0 fine, 1 failed, 2 wrong use, 130 interrupted.
    """
    from drltrade.cli.app import app

    try:
        code = app(arguments, prog_name="drltrade", standalone_mode=False)
        sys.stdout.flush()
        code = int(code or 0)
    except DrltradeError as error:
        _tell(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader left, as `head` does. What Python flushes on its way out must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f" '{error.filename}'" if error.filename else ""
        _tell(f"Cannot read or write{where}: {error.strerror or error}.")
        return 1
    except Exception as error:
        return _unexpected(error)
    if code == INTERRUPTED:
        _tell("Stopped. What was finished is kept; the same command resumes.")
    return code


def _unexpected(error: Exception) -> int:
    """Words for what the parser refused, and for what nobody foresaw."""
    say = getattr(error, "format_message", None)
    if say is not None:  # the parser's own: an unknown option, a missing argument
        sentence = str(say()).rstrip(".")
        if not sentence:  # a group without a command: its help has been printed
            return 0
        context = getattr(error, "ctx", None)
        command = getattr(context, "command_path", None) or "drltrade"
        _tell(f"{sentence}{'' if sentence.endswith('?') else '.'} See {command} --help.")
        return int(getattr(error, "exit_code", 2))
    if os.environ.get("DRLTRADE_TRACEBACK"):
        raise error
    what = f"{type(error).__name__}: {error}".strip().rstrip(".:")
    _tell(f"Unexpected {what}. This is a mistake in drltrade; DRLTRADE_TRACEBACK=1 shows where.")
    return 1


def _tell(sentence: str) -> None:
    print(f"drltrade: {' '.join(sentence.split())}", file=sys.stderr)
