"""Writes a record to parquet and JSON beside a run, and reads it back bit for bit."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from drltrade import sim
from drltrade.backtest.hindsight import read_yardstick
from drltrade.backtest.metrics import METRICS, compute_metrics
from drltrade.backtest.record import Record
from drltrade.backtest.trades import Trade, trade_list
from drltrade.errors import DrltradeError

__all__ = [
    "equity_frame",
    "payload",
    "plain",
    "read_record",
    "stamp_text",
    "trades_frame",
    "write_record",
]

EQUITY, TRADES, METRICS_FILE = "equity.parquet", "trades.parquet", "metrics.json"
SCHEMA = 2
_META = b"drltrade"


def write_record(record: Record, folder: Path) -> None:
    """Writes `equity.parquet`, `trades.parquet`, then `metrics.json` into a folder.

    Each file is written beside its place and renamed; `metrics.json` comes last, so a folder that
    has it has the others. `read_record` needs `equity.parquet` only.

    Raises:
        DrltradeError: the folder cannot be written.
    """
    table = pa.Table.from_pandas(equity_frame(record))
    meta = {**(table.schema.metadata or {}), _META: json.dumps(_meta(record)).encode()}
    table = table.replace_schema_metadata(meta)
    trades = trades_frame(record)
    text = json.dumps(payload(record), indent=2, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / EQUITY, lambda path: pq.write_table(table, path, compression="zstd"))
        _replace(folder / TRADES, lambda path: trades.to_parquet(path, index=False))
        _replace(folder / METRICS_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DrltradeError(f"Cannot write the record into '{folder}': {reason}.") from error


def read_record(folder: Path) -> Record:
    """Reads the record that `write_record` left in a folder.

    Raises:
        DrltradeError: there is none, or it is not one of ours.
    """
    path = folder / EQUITY
    try:
        table = pq.read_table(path)
        meta = json.loads((table.schema.metadata or {})[_META])
        frame = table.to_pandas()
        return _record(frame, meta)
    except FileNotFoundError as error:
        raise DrltradeError(
            f"There is no record in '{folder}': {EQUITY} is missing. Delete the folder and run"
            " the command that made it again."
        ) from error
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise DrltradeError(
            f"'{path}' is not a record that this version of drltrade can read"
            f" ({type(error).__name__}). Delete the folder and run the command that made it again."
        ) from error


_PIECES = (
    "commission", "slippage", "impact", "interest", "borrow", "funding", "dividends", "haircut",
    "shortfall",
)  # fmt: skip


def payload(record: Record) -> dict[str, Any]:
    """Returns what `--json` prints of a record: plain JSON values, undefined figures as None.

    Money is in the currency of the starting equity; `gross_pnl` is what prices alone made, and
    `gross_pnl + dividends - commission - slippage - impact + interest - borrow + funding - haircut
    + shortfall = net_pnl`; `total` is commission, slippage and impact. `hindsight` is the most log
    growth there was (`growth`, null where it was not looked for), whether that is `exact` or a
    bound and `why`, and the record's `share` of it.
    """
    path = record.path
    metrics = compute_metrics(record)
    costs = {name: float(getattr(path, name).sum()) for name in _PIECES}
    costs |= {
        "total": float(path.costs.sum()),
        "gross_pnl": float(path.gap_pnl.sum() + path.bar_pnl.sum()),
        "net_pnl": float(record.equity[-1] - record.equity[0]),
    }
    content = {
        "name": record.name,
        "metrics": {name: _figure(name, value) for name, value in metrics.items()},
        "hindsight": None if record.hindsight is None else record.hindsight.plain,
        "start_equity": float(record.equity[0]),
        "final_equity": float(record.equity[-1]),
        "bars": len(record.stamps),
        "start": record.stamps[0],
        "end": record.stamps[-1],
        "symbols": record.symbols,
        "periods_per_year": record.periods_per_year,
        "trades": len(trade_list(record)),
        "costs": costs,
        "ruined": path.terminated and not path.liquidated,
        "liquidated": path.liquidated,
        "assumptions": record.assumptions,
        "warnings": record.warnings,
    }
    return {key: plain(value) for key, value in content.items()}


def _figure(name: str, value: float) -> float | int:
    whole = METRICS[name].unit == "count" and math.isfinite(value)
    return int(value) if whole else value


def plain(value: Any) -> Any:
    """Turns a value into one that JSON holds: NaN and infinity to None, stamps to ISO text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist() if value.dtype.kind != "M" else list(value))
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.datetime64):
        return stamp_text(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def stamp_text(stamp: np.datetime64) -> str:
    """Writes a stamp as briefly as it is exact: `2011-01-03`, `2017-05-01T13:00`, or to the ns."""
    if np.isnat(stamp):
        return ""
    for unit in ("D", "m", "s"):
        if stamp == stamp.astype(f"datetime64[{unit}]"):
            return str(stamp.astype(f"datetime64[{unit}]"))
    return str(stamp)


def equity_frame(record: Record) -> pd.DataFrame:
    """Returns the ledger as a frame: one row a bar, indexed by stamp (UTC).

    What exists per asset is `weights:AAPL`, `close:AAPL`. The action in a row was chosen after
    that bar and carried out in the next, so the last row has none (NaN).
    """
    columns: dict[str, Any] = {"return": np.concatenate([[0.0], record.returns])}
    for field in fields(sim.Path):
        value = getattr(record.path, field.name)
        if not isinstance(value, np.ndarray):
            continue
        if value.ndim == 1:
            columns[field.name] = value
        else:
            columns |= {
                f"{field.name}:{symbol}": value[:, i] for i, symbol in enumerate(record.symbols)
            }
    columns |= {f"close:{symbol}": record.close[:, i] for i, symbol in enumerate(record.symbols)}
    if record.split is not None:
        columns |= {f"split:{name}": record.split[:, i] for i, name in enumerate(record.symbols)}
    if record.idle is not None:
        columns["idle"] = np.concatenate([[0.0], record.idle])
    if record.actions is not None:
        flat = record.actions.reshape(len(record.actions), -1).astype(np.float64)
        padded = np.full((len(record.stamps), flat.shape[1]), np.nan)
        padded[: len(flat)] = flat
        columns |= {f"action:{i}": padded[:, i] for i in range(flat.shape[1])}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(record.stamps, tz="UTC", name="stamp"))


def trades_frame(record: Record) -> pd.DataFrame:
    """Returns the round trips as a frame, one row a trade."""
    names = [field.name for field in fields(Trade)]
    rows = [asdict(trade) for trade in trade_list(record)]
    frame = pd.DataFrame(rows, columns=names).rename(columns={"return_": "return"})
    for name in ("entry", "exit"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def _meta(record: Record) -> dict[str, Any]:
    actions = record.actions
    shape = None if actions is None else list(actions.shape)
    beside = record.hindsight
    return {
        "schema": SCHEMA,
        "name": record.name,
        "symbols": list(record.symbols),
        "periods_per_year": record.periods_per_year,
        "cash_rate": record.cash_rate,
        "terminated": record.path.terminated,
        "liquidated": record.path.liquidated,
        "assumptions": plain(record.assumptions),
        "warnings": list(record.warnings),
        "hindsight": None if beside is None else beside.plain | {"earned": beside.earned},
        "actions": None if actions is None else {"shape": shape, "dtype": actions.dtype.str},
    }


def _record(frame: pd.DataFrame, meta: dict[str, Any]) -> Record:
    if meta["schema"] != SCHEMA:
        raise ValueError(f"schema {meta['schema']}")
    symbols = tuple(meta["symbols"])

    def per_asset(name: str) -> np.ndarray[Any, Any]:
        return _frozen(frame[[f"{name}:{symbol}" for symbol in symbols]].to_numpy())

    ledger = {
        field.name: _frozen(frame[field.name].to_numpy())
        if field.name in frame.columns
        else per_asset(field.name)
        for field in fields(sim.Path)
        if field.name not in ("terminated", "liquidated")
    }
    actions = None
    if meta["actions"] is not None:
        shape = meta["actions"]["shape"]
        columns = [name for name in frame.columns if name.startswith("action:")]
        flat = frame[columns].to_numpy()[: shape[0]]
        actions = flat.astype(np.dtype(meta["actions"]["dtype"])).reshape(shape)
    stamps = pd.DatetimeIndex(frame.index).tz_localize(None).to_numpy().astype("datetime64[ns]")
    return Record(
        name=meta["name"],
        symbols=symbols,
        stamps=_frozen(stamps),
        path=sim.Path(
            **ledger, terminated=bool(meta["terminated"]), liquidated=bool(meta["liquidated"])
        ),
        close=per_asset("close"),
        periods_per_year=meta["periods_per_year"],
        cash_rate=meta["cash_rate"],
        assumptions=meta["assumptions"],
        warnings=tuple(meta["warnings"]),
        actions=actions,
        hindsight=read_yardstick(meta.get("hindsight")),
        idle=_frozen(frame["idle"].to_numpy()[1:]) if "idle" in frame.columns else None,
        split=per_asset("split") if f"split:{symbols[0]}" in frame.columns else None,
    )


def _frozen(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    copy = np.array(array)
    copy.setflags(write=False)
    return copy


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Writes beside a file and renames over it, so that no reader meets half a file."""
    beside = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        write(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
