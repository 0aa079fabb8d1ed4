"""Asks Yahoo for the daily prices of one symbol through yfinance."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from drltrade.errors import DataError

__all__ = ["Unreachable", "download", "download_raw"]


class Unreachable(Exception):
    """Yahoo did not answer; asking again may help. The text says what happened."""


def download(symbol: str, start: date, end: date, session: Any = None) -> pd.DataFrame:
    """Downloads open, high, low, close and volume, all adjusted for splits and dividends.

    Args:
        symbol: a ticker as Yahoo spells it.
        start: first day.
        end: last day, inclusive.
        session: a requests or curl_cffi session; yfinance makes its own if None.

    Returns:
        One row a day under its date; rows without a price are still in it.

    Raises:
        DataError: Yahoo has no such prices.
        Unreachable: there is no network, Yahoo is down, or it refuses for now.
    """
    # yfinance adds a warnings filter when it is imported, for deprecations of its own making.
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return _tidy(_history(symbol, start, end, session, adjust=True), _PRICES)


def download_raw(symbol: str, start: date, end: date, session: Any = None) -> pd.DataFrame:
    """Downloads prices without dividends in them, dividends, splits and the adjusted close.

    Everything is still adjusted for splits, which `traded.as_traded` undoes; for that the table
    runs to today, whatever the last day asked for.

    Args:
        symbol: a ticker as Yahoo spells it.
        start: first day.
        end: last day that matters.
        session: a requests or curl_cffi session; yfinance makes its own if None.

    Returns:
        One row a day under its date; rows without a price are still in it.

    Raises:
        DataError: Yahoo has no such prices.
        Unreachable: there is no network, Yahoo is down, or it refuses for now.
    """
    today = max(end, datetime.now(UTC).date())
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return _tidy(_history(symbol, start, today, session, adjust=False), _PRICES | _EVENTS)


_PRICES = {name: name.lower() for name in ("Open", "High", "Low", "Close", "Volume")}
_EVENTS = {"Adj Close": "adjusted", "Dividends": "dividend", "Stock Splits": "split"}


def _history(symbol: str, start: date, end: date, session: Any, adjust: bool) -> pd.DataFrame:
    import yfinance
    from yfinance.exceptions import YFException, YFRateLimitError, YFTickerMissingError

    try:
        with _raising(yfinance):
            frame: pd.DataFrame = yfinance.Ticker(symbol, session=session).history(
                start=start.isoformat(),
                end=(end + timedelta(days=1)).isoformat(),
                auto_adjust=adjust,
                actions=not adjust,
                keepna=True,
            )
    except YFTickerMissingError as error:
        raise _missing(symbol, start, end) from error
    except YFRateLimitError as error:
        raise Unreachable("it refuses further requests for now; wait some minutes") from error
    except YFException as error:
        raise Unreachable(str(error)) from error
    except OSError as error:  # the errors of requests and of curl_cffi are all OSErrors
        if getattr(getattr(error, "response", None), "status_code", None) == 404:
            raise _missing(symbol, start, end) from error
        raise Unreachable(str(error).split(". See ")[0]) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Unreachable(f"its answer cannot be read, {type(error).__name__}") from error
    if frame.empty:
        raise _missing(symbol, start, end)
    return frame


def _tidy(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    table: pd.DataFrame = frame[list(names)].rename(columns=names)
    days = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    return table.set_index(days.rename("date"))


def _missing(symbol: str, start: date, end: date) -> DataError:
    return DataError(
        f"Yahoo has no prices of '{symbol}' from {start} to {end}: there is no such ticker, or it "
        "did not trade then. Look up its spelling on finance.yahoo.com."
    )


@contextmanager
def _raising(yfinance: Any) -> Iterator[None]:
    # yfinance logs what went wrong and returns an empty table; we want the reason itself.
    log = logging.getLogger("yfinance")
    level, hide = log.level, yfinance.config.debug.hide_exceptions
    log.setLevel(logging.CRITICAL)
    yfinance.config.debug.hide_exceptions = False
    try:
        yield
    finally:
        log.setLevel(level)
        yfinance.config.debug.hide_exceptions = hide
