"""The feed that tests of fetching share."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import requests
from recorded_yahoo import RecordedYahoo


@pytest.fixture
def recorded(tmp_path: Path):
    """A session that yfinance accepts and whose every request the adapter answers."""
    with warnings.catch_warnings():  # importing yfinance adds a filter
        import yfinance
        from yfinance.data import YfData

    yfinance.set_tz_cache_location(str(tmp_path / "yfinance"))
    YfData.cache_get.cache_clear()
    adapter = RecordedYahoo()
    with requests.Session() as session:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        yield session, adapter
    from yfinance import cache

    for manager in (cache._TzDBManager, cache._CookieDBManager, cache._ISINDBManager):
        manager.close_db()
