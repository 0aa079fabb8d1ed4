"""Runs the command line in this process and hands back what it said."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from drltrade.cli import main


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line on stderr."""
        lines = self.err.strip().splitlines()
        return lines[-1] if lines else ""


@pytest.fixture
def drltrade(capsys, monkeypatch, tmp_path):
    """The command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        heard = capsys.readouterr()
        return Said(code, heard.out, heard.err)

    return run
