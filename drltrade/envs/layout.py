"""Names every column of an observation."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """An observation is W rows of N x F features, oldest first, then the account.

    Attributes:
        window: rows W; the last one is the bar that was just completed.
        symbols: the N assets.
        features: the F features of each asset.
        account: what follows the N drifted weights, names of `sim.EXTRAS`.
    """

    window: int
    symbols: tuple[str, ...]
    features: tuple[str, ...]
    account: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.columns)

    @property
    def window_size(self) -> int:
        """Number of columns that come from features: W * N * F."""
        return self.window * len(self.symbols) * len(self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """One name a column, such as `AAPL.rsi_14[t-3]`, `AAPL.weight`, `drawdown`."""
        window = [
            f"{symbol}.{feature}[t-{lag}]" if lag else f"{symbol}.{feature}[t]"
            for lag in range(self.window - 1, -1, -1)
            for symbol in self.symbols
            for feature in self.features
        ]
        account = [f"{symbol}.weight" for symbol in self.symbols]
        for name in self.account:
            each = [f"{symbol}.{name}" for symbol in self.symbols]
            account += each if name == "target" else [name]
        return (*window, *account)
