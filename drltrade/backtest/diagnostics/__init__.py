"""What lies behind one policy's record: costs, regimes, luck, what it looks at, where it earned."""

from drltrade.backtest.diagnostics.door import diagnose

__all__ = ["diagnose"]
