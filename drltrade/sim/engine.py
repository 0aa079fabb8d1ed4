"""Steps B accounts on one market with one kernel call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError, unknown
from drltrade.sim import kernel, rows
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules
from drltrade.sim.step import Step, view

__all__ = ["EXTRAS", "Engine"]

EXTRAS = ("drawdown", "log_equity", "target")
"""What an observation may hold beside the window and the weights.

`target`, the weights last asked for, takes N columns.
"""

Floats = NDArray[np.float64]

_STATE = ("account", "book", "status", "targets")
"""The arrays that steps change, beside the observations."""


class Engine:
    """B accounts on one market.

    Args:
        prices: opens and closes, [T, N].
        rules: fill, costs, limits.
        accounts: how many accounts, B.
        start_equity: cash of a fresh account.
        features: [T, ...] float32 rows from which windows are observed; None observes nothing.
        window: rows W of a window.
        extras: names of `EXTRAS` that each observation adds after the weights.
        buffers: how many observation buffers take turns; 2 keeps the last one intact for a step.

    Raises:
        UsageError: the shapes do not fit or the fill needs opens that are missing.
    """

    def __init__(
        self,
        prices: Prices,
        rules: Rules,
        accounts: int = 1,
        *,
        start_equity: float = 1.0,
        features: NDArray[np.float32] | None = None,
        window: int = 1,
        extras: Sequence[str] = (),
        buffers: int = 1,
    ) -> None:
        prices.check(rules)
        if accounts < 1:
            raise UsageError(f"accounts is {accounts}; it must be at least 1.")
        if not (np.isfinite(start_equity) and start_equity > 0):
            raise UsageError(f"start_equity is {start_equity!r}; it must be a positive number.")
        for name in extras:
            if name not in EXTRAS:
                raise unknown("account column", name, EXTRAS)
        self.prices, self.rules, self.accounts = prices, rules, accounts
        self.start_equity, self.window = start_equity, window
        self._extras = np.array([EXTRAS.index(name) for name in extras], dtype=np.int64)
        self._features = self._flat(features, window)
        columns = sum(prices.assets if name == "target" else 1 for name in extras)
        width = self._features.size // prices.bars
        size = window * width + prices.assets + columns if width else 0
        self._sizes = {rows.WINDOW: window * width, rows.ROW: width, rows.COLUMNS: size}
        self._account = np.zeros(accounts, dtype=rows.ACCOUNT)
        self._book = np.zeros((accounts, len(rows.BOOK), prices.assets))
        self._status = np.zeros((accounts, prices.assets), dtype=np.uint8)
        self._targets = np.full((accounts, prices.assets), np.nan)
        self._buffers = [np.zeros((accounts, size), dtype=np.float32) for _ in range(buffers)]
        self._turn = 0
        self._bind()

    def _bind(self) -> None:
        """Writes down where the arrays lie, for the kernel, and makes the views of them."""
        self._tables = (
            self.prices.table,
            self.prices.events(self.rules),
            self.prices.clock,
            self.prices.pack(self.rules),
        )
        self._bind_worlds()
        self.current = view(self._account, self._book, self._status)

    def _bind_worlds(self) -> None:
        state = (self._account, self._book, self._status, self._targets, *self._tables)
        self._worlds = [
            make_world((*state, self._features, self._extras, buffer), self._sizes)
            for buffer in self._buffers
        ]

    def __getstate__(self) -> dict[str, Any]:
        """A copy has arrays of its own, so what points to them is made anew."""
        made = ("_tables", "_worlds", "current")
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores a copy."""
        self.__dict__.update(state)
        self._bind()

    def _flat(self, features: NDArray[np.float32] | None, window: int) -> NDArray[np.float32]:
        if features is None:
            return np.zeros(0, dtype=np.float32)
        if len(features) != self.prices.bars or features.dtype != np.float32:
            raise UsageError(
                f"features must be float32 with one row for each of {self.prices.bars} bars; got"
                f" {features.dtype} {features.shape}."
            )
        if not 1 <= window <= self.prices.bars:
            raise UsageError(f"window is {window}; it must be from 1 to {self.prices.bars} bars.")
        return np.ascontiguousarray(features).reshape(-1)

    @property
    def observations(self) -> NDArray[np.float32]:
        """The latest observations [B, W * N * F + N + extras], intact for `buffers` steps."""
        return self._buffers[self._turn]

    def reset(
        self, which: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> None:
        """Starts fresh episodes for some accounts: all cash at the close of bar `first`.

        Args:
            which: [R] accounts.
            first: [R] bars after which the first decision is taken. Where the window reaches back
                before bar 0 the observation is NaN.
            last: [R] bars whose close ends the episode; above `first`.

        Raises:
            UsageError: an episode does not fit the data.
        """
        which, first, last = (np.ascontiguousarray(each, np.int64) for each in (which, first, last))
        if which.size == 0:
            return
        if not which.shape == first.shape == last.shape == (which.size,):
            raise UsageError(
                f"Accounts, first and last bars must be of one length; got {which.shape},"
                f" {first.shape}, {last.shape}."
            )
        if which.min() < 0 or which.max() >= self.accounts:
            raise UsageError(
                f"Accounts are 0..{self.accounts - 1}; got {which.min()}..{which.max()}."
            )
        if first.min() < 0 or last.max() >= self.prices.bars:
            raise UsageError(
                f"Episodes must lie in bars 0..{self.prices.bars - 1}; got"
                f" {first.min()}..{last.max()}."
            )
        if (last <= first).any():
            raise UsageError("An episode needs at least one bar after its first.")
        world = self._worlds[self._turn]
        kernel.reset(world, which, first, last, float(self.start_equity))
        kernel.observe_rows(world, which)

    def hand_over(self, features: NDArray[np.float32]) -> None:
        """Lets another go on with the accounts, who sees other features and has ordered nothing.

        What the accounts hold and were last asked for stays. Under `on_change` a level that is
        repeated afterwards is an order.

        Args:
            features: [T, ...] float32, as wide as those before.

        Raises:
            UsageError: the features have another shape.
        """
        flat = self._flat(features, self.window)
        if flat.size != self._features.size:
            raise UsageError(
                f"features hold {flat.size} numbers; those before held {self._features.size}."
            )
        self._features = flat
        self._book[:, rows.ORDERED] = np.nan
        self._bind_worlds()
        kernel.observe_rows(self._worlds[self._turn], np.arange(self.accounts))

    def step(self, targets: Floats) -> Step:
        """Takes every account through one bar.

        Args:
            targets: [B, N] weights of equity; NaN is no order.

        Raises:
            UsageError: the targets have another shape.
        """
        if targets.shape != self._targets.shape:
            raise UsageError(
                f"targets have shape {targets.shape}; they must be [B, N] = {self._targets.shape}."
            )
        self._targets[:] = targets
        return self.advance()

    @property
    def targets(self) -> Floats:
        """[B, N] what the next `advance` orders; write into it."""
        return self._targets

    @property
    def memory(self) -> memoryview:
        """The accounts' rows as bytes, each field at its place (`PLACES`), to read single numbers.

        After a cast to "d", "q" or "?" a number is read in a tenth of the time that an array of one
        takes.
        """
        return self._account.view(np.uint8).data.cast("B")

    def advance(self) -> Step:
        """Takes every account through one bar, with the orders that stand in `targets`."""
        self._turn = (self._turn + 1) % len(self._worlds)
        kernel.advance(self._worlds[self._turn])
        return self.current

    def state(self) -> dict[str, Any]:
        """Returns copies of all that steps change, as plain arrays."""
        arrays = {name: getattr(self, f"_{name}").copy() for name in _STATE}
        return {
            **arrays,
            "buffers": [buffer.copy() for buffer in self._buffers],
            "turn": self._turn,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts the accounts where `state` found those of an engine built alike."""
        # In place: the kernel and the views know where the arrays lie.
        for name in _STATE:
            getattr(self, f"_{name}")[...] = state[name]
        for buffer, saved in zip(self._buffers, state["buffers"], strict=True):
            buffer[...] = saved
        self._turn = state["turn"]

    def stepper(self) -> Callable[[], None]:
        """Returns what `advance` calls, with its argument: for an engine with one buffer.

        Whoever calls it keeps the engine: the call holds addresses alone.
        """
        (world,) = self._worlds
        return partial(kernel.advance, world)

    def run(self, wanted: Floats) -> tuple[NDArray[np.void], Floats, NDArray[np.uint8]]:
        """Takes the one account of this engine along targets, in one call.

        Args:
            wanted: [T, N] targets, one row a bar.

        Returns:
            What the account row [T + 1], the book [T + 1, 7, N] and the status [T + 1, N] held
            before the first bar and after each.

        Raises:
            UsageError: the engine has several accounts, or the targets another shape.
        """
        if self.accounts != 1 or wanted.shape[1:] != (self.prices.assets,):
            raise UsageError(
                f"A run takes one account along targets [T, {self.prices.assets}]; got"
                f" {self.accounts} accounts and {wanted.shape}."
            )
        wanted = np.ascontiguousarray(wanted, dtype=np.float64)
        length, assets = len(wanted) + 1, self.prices.assets
        ledger = np.zeros(length, dtype=rows.ACCOUNT)
        books = np.zeros((length, len(rows.BOOK), assets))
        statuses = np.zeros((length, assets), dtype=np.uint8)
        kernel.run(self._worlds[self._turn], wanted, ledger, books, statuses)
        return ledger, books, statuses


def make_world(arrays: Sequence[NDArray[Any]], sizes: Mapping[int, int]) -> NDArray[np.int64]:
    """Writes down where the kernel finds its arrays; whoever calls it keeps them alive.

    Args:
        arrays: accounts, book, status, targets, table, events, clock, rules, features, extras,
            observations: contiguous, of the types that `kernel` reads.
        sizes: WINDOW, ROW and COLUMNS of the observations; 0 where nothing is observed.
    """
    accounts, book, _, targets, table, events, _, _, _, extras, _ = arrays
    world = np.zeros(rows.OBSERVATIONS_AT + 1, dtype=np.int64)
    world[rows.ACCOUNTS], world[rows.ASSETS] = accounts.size, targets.shape[1]
    world[rows.BARS], world[rows.EVENT_BARS] = len(table), len(events)
    world[rows.EXTRA_COUNT] = extras.size
    for place, value in sizes.items():
        world[place] = value
    for place, array in enumerate(arrays, start=rows.ACCOUNTS_AT):
        if not array.flags.c_contiguous:
            raise ValueError(f"array {place} of the world is not contiguous")
        world[place] = array.ctypes.data
    if book.shape != (accounts.size, len(rows.BOOK), targets.shape[1]):
        raise ValueError(f"book has shape {book.shape}")
    return world
