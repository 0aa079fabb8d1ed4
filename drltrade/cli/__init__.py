"""The command line: parsing and printing only."""

from drltrade.cli.entry import main

__all__ = ["main"]
