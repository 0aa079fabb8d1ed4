"""Records turned into tables and one self-contained page."""

from drltrade.report.entry import Entry
from drltrade.report.page import write_report
from drltrade.report.tables import comparison_table, format_rows
from drltrade.report.verdict import verdict

__all__ = ["Entry", "comparison_table", "format_rows", "verdict", "write_report"]
