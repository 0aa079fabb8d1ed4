"""Measures how fast this machine steps accounts, beside the limit and beside other packages."""

from drltrade.experiments.bench.page import write_page
from drltrade.experiments.bench.run import Bench, run_bench

__all__ = ["Bench", "run_bench", "write_page"]
