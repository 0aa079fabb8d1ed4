"""Answers yfinance the way Yahoo's chart service does, without any network."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import requests
from requests.adapters import BaseAdapter

DAYS = pd.bdate_range("2020-01-01", "2020-03-31")


def prices(symbol: str) -> pd.DataFrame:
    """Prices with a dividend in them: the adjusted close is 1 % lower before February."""
    rng = np.random.default_rng(sum(symbol.encode()))
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(DAYS))))
    return pd.DataFrame(
        {
            "open": close * 1.001,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "adjclose": np.where(DAYS < "2020-02-01", close * 0.99, close),
            "volume": rng.integers(1000, 2000, len(DAYS)),
        },
        index=DAYS,
    )


class RecordedYahoo(BaseAdapter):
    """Answers a requests session the way Yahoo's chart service does, without any network."""

    known = ("AAPL", "MSFT", "HOLES")

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.failures = 0
        self.status = 200

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        url = urlsplit(request.url or "")
        self.asked.append(url.path)
        if self.failures:
            self.failures -= 1
            raise requests.exceptions.ConnectionError("Could not resolve host")
        status, content = 404, {"quoteSummary": {"result": None, "error": {"code": "Not Found"}}}
        if "/chart/" in url.path:
            status, content = self.chart(url.path.rsplit("/", 1)[1], parse_qs(url.query))
        if url.path.endswith("getcrumb"):
            status, content = 200, "crumb"
        response = requests.Response()
        response.status_code = self.status if self.status != 200 else status
        response.url = request.url or ""
        response.request = request
        text = content if isinstance(content, str) else json.dumps(content)
        text = text if self.status == 200 else "Internal server error"
        response._content = text.encode()
        return response

    def chart(self, symbol: str, query: dict[str, list[str]]) -> tuple[int, dict]:
        if symbol not in self.known:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, {"chart": {"result": None, "error": error}}
        frame = prices(symbol)
        # Yahoo stamps a daily bar at the opening bell.
        opens = (frame.index + pd.Timedelta("9h30min")).tz_localize("America/New_York")
        seconds = np.array([int(stamp.timestamp()) for stamp in opens])
        first, last = (int(query.get(key, [0])[0]) for key in ("period1", "period2"))
        kept = (seconds >= first) & (seconds < (last or np.inf))
        frame, seconds = frame[kept], seconds[kept]
        cells = {key: [float(v) for v in frame[key]] for key in frame.columns}
        if symbol == "HOLES":
            for key in cells:
                cells[key][3] = None  # type: ignore[call-overload]
        meta = {
            "currency": "USD",
            "symbol": symbol,
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": "America/New_York",
            "timezone": "EST",
            "gmtoffset": -18000,
            "regularMarketTime": int(seconds[-1]) if len(seconds) else 0,
            "firstTradeDate": int(seconds[0]) if len(seconds) else 0,
            "priceHint": 2,
            "dataGranularity": "1d",
            "validRanges": ["1d", "5d", "1mo", "max"],
            "currentTradingPeriod": {},
        }
        adjusted = cells.pop("adjclose")
        result = {
            "meta": meta,
            "timestamp": [int(second) for second in seconds],
            "indicators": {"quote": [cells], "adjclose": [{"adjclose": adjusted}]},
        }
        return 200, {"chart": {"result": [result], "error": None}}

    def close(self) -> None:
        """Nothing is open."""
