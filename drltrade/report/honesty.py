"""What a reader must know before the figures: what was assumed, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from drltrade.backtest.record import Record
from drltrade.report.alike import alike
from drltrade.report.entry import Entry, of_kind
from drltrade.report.overlap import intervals, overlaps
from drltrade.report.verdict import sides
from drltrade.report.words import count, join, span
from drltrade.sim import Rules

__all__ = [
    "FEW_TRADES",
    "differences",
    "facts",
    "flatten",
    "further_rules",
    "market_rules",
    "warnings_of",
]

FEW_TRADES = 30

_GRAVE = ("NOT CAUSAL", "LOOK-AHEAD", "OVERLAP", "Zero costs", "Not the same")

_FILLS = {
    "next_open": "at the next bar's open",
    "next_close": "at the next bar's close",
    "same_close": "at the close that the decision was taken on: LOOK-AHEAD",
}


def warnings_of(
    entries: Sequence[Entry],
    given: Sequence[str] = (),
    assumptions: Mapping[str, Any] | None = None,
) -> list[str]:
    """Returns every warning once, the gravest first.

    They are the records' own, those given, and what the records show by themselves: a look-ahead
    fill, no costs, ruin, bars seen in training or chosen by, conditions that differ, a rule's
    positions, few trades, one seed.
    """
    own = {text for entry in entries for record in entry.records for text in record.warnings}
    found = [*(text for text in given if text not in own), *_of_records(entries)]
    found += _conditions(entries)
    found += overlaps(entries, assumptions or {}, found)
    found += alike(entries)
    found += _thin_evidence(entries)
    unique = list(dict.fromkeys(text.strip() for text in found if text.strip()))
    for kind in ("LOOK-AHEAD", "Zero costs"):  # one sentence is enough, whoever says it first
        same = [text for text in unique if text.startswith(kind)]
        unique = [text for text in unique if text not in same[1:]]
    return sorted(unique, key=_weight)


def _weight(text: str) -> int:
    """What makes all figures worthless first; last what each seed of each fold may say anew."""
    if any(kind in text for kind in _GRAVE):
        return 0
    return 2 if text.startswith("COLLAPSE") else 1


def _of_records(entries: Sequence[Entry]) -> Iterator[str]:
    """A warning that not all agents share is said with the names of the records that have it."""
    records = [record for entry in entries for record in entry.records]
    agents = {record.name for entry in of_kind(entries, "agent") for record in entry.records}
    owners: dict[str, list[str]] = {}
    for record in records:
        for text in record.warnings:
            owners.setdefault(text, []).append(record.name)
    for text, names in owners.items():
        shared = set(names) >= (agents or {record.name for record in records})
        general = shared or text.startswith(("NOT CAUSAL", "LOOK-AHEAD", "Zero costs"))
        yield text if general else f"{join(_few(names))}: {text}"


def _few(names: Sequence[str], most: int = 4) -> list[str]:
    rest = len(names) - most
    return list(names) if rest <= 0 else [*names[:most], f"{rest} more"]


def _conditions(entries: Sequence[Entry]) -> Iterator[str]:
    records = [record for entry in entries for record in entry.records]
    if any(record.assumptions.get("fill") == "same_close" for record in records):
        yield "LOOK-AHEAD: fills at the very close that the decision was taken on (same_close)."
    free = [
        record.name
        for record in records
        if record.path.turnover.sum() > 0 and not record.path.costs.sum() > 0
    ]
    if free:
        who = "" if len(free) == len(records) else f" for {join(_few(free))}"
        yield f"Zero costs: nothing was charged for trading{who}."
    yield from differences(entries)
    for record in records:
        if record.path.terminated:
            yield _ending(record)


def _ending(record: Record) -> str:
    left = float(record.equity[-1] / record.equity[0])
    if record.path.liquidated:
        return f"{record.name} was liquidated by its broker: {left:.1%} of its stake was left."
    return f"{record.name} was ruined: its equity fell to nothing and stayed there."


def differences(entries: Sequence[Entry]) -> Iterator[str]:
    """Yields a sentence for each condition that is not the same for all, so none may compare."""
    records = [record for entry in entries for record in entry.records]
    if len({(len(r.stamps), r.stamps[0], r.stamps[-1]) for r in records}) > 1:
        spans = dict.fromkeys(f"{entry.label} {span(entry.shown)}" for entry in entries)
        yield f"Not the same bars, so not comparable: {'; '.join(spans)}."
    keys = ("fill", "commission_rate", "slippage_rate", "leverage", "data_fingerprint", "symbols")
    for key in keys:
        values = {str(r.assumptions[key]) for r in records if key in r.assumptions}
        if len(values) > 1:
            what = key.replace("_", " ")
            yield f"Not the same {what}, so not comparable: {join(_few(sorted(values)))}."
    rules = [market_rules(record) for record in records if "rules" in record.assumptions]
    for name in dict.fromkeys(name for each in rules for name in each):
        values = {each.get(name, "none") for each in rules}
        if len(values) > 1:
            yield f"Not the same {name}, so not comparable: {join(_few(sorted(values)))}."


def market_rules(record: Record) -> dict[str, str]:
    """Returns the further rules that a market has for everybody, as dotted name: value.

    Whether an unchanged level is an order belongs to an action scheme: agents may differ in it.
    """
    rules = record.assumptions.get("rules")
    found = dict(flatten(rules)) if isinstance(rules, Mapping) else {}
    return {name: value for name, value in found.items() if name != "on_change"}


def _thin_evidence(entries: Sequence[Entry]) -> Iterator[str]:
    agents = of_kind(entries, "agent")
    few = [
        f"{entry.label} ({count(entry.median('trades'))})"
        for entry in sides(entries)[0]
        if entry.median("trades") < FEW_TRADES
    ]
    if few:
        yield (
            f"Fewer than {FEW_TRADES} trades: {join(few)}. Win rates, profit factors and Sharpe"
            " ratios from so few are mostly luck."
        )
    single = [entry.label for entry in agents if entry.trainings == 1 and not entry.joint]
    if single:
        yield f"One seed: {join(single)}. Another seed of the same agent may do the opposite."


def facts(entries: Sequence[Entry], assumptions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the conditions of a page as (what, value): the ones a reviewer asks for first."""
    shown = entries[0].shown
    known = {**shown.assumptions, **assumptions}
    fill = str(known.get("fill", "not stated"))
    found = [
        ("Bars", f"{len(shown.stamps):,}, {span(shown)}"),
        ("Assets", join(_few(shown.symbols, 12))),
        ("Fill", f"{fill}, {_FILLS[fill]}" if fill in _FILLS else fill),
        ("Costs a side", _costs(known)),
        ("Periods a year", f"{shown.periods_per_year:g}"),
    ]
    further = further_rules(known)
    if further:
        found.append(("Further rules", further))
    for name, role in (("Trained on", "train"), ("Validated on", "valid")):
        value = known.get(role)
        pieces = [f"{start} to {end}" for start, end in intervals(known, role)]
        stated = value if isinstance(value, str) else "; ".join(pieces)
        if stated:
            found.append((name, stated))
    if known.get("reward") is not None:
        found.append(("Reward", _brief(known["reward"])))
    budget = known.get("budget")
    if isinstance(budget, Mapping) and isinstance(budget.get("steps"), int):
        found.append(("Training", f"{budget['steps']:,} steps a run"))
    agents = [entry for entry in of_kind(entries, "agent") if not entry.joint]
    if agents:
        found.append(("Seeds", _seeds(agents)))
    found += [(entry.label, _members(entry)) for entry in entries if entry.joint]
    data = str(known.get("data", ""))
    digest = str(known.get("data_fingerprint", ""))
    if data or digest:
        found.append(("Data", " ".join(part for part in (data, digest[:16]) if part)))
    return found


def _seeds(agents: Sequence[Entry]) -> str:
    seeds = {
        tuple(dict.fromkeys(entry.seed(i) for i in range(len(entry.records)))) for entry in agents
    }
    if len(seeds) > 1:
        return " or ".join(f"{number}" for number in sorted({len(each) for each in seeds}))
    (same,) = seeds
    named = ", ".join(_few([str(seed) for seed in same], 8))
    return f"{len(same)} for each agent: {named}" if len(agents) > 1 else named


def _members(entry: Entry) -> str:
    """Says who acts in an ensemble, and how."""
    stated = entry.shown.assumptions["ensemble"]
    who = join(_few(stated["members"], 12))
    if stated["scheme"] == "mean":
        return f"the mean target of {who}"
    return (
        f"every {stated['every']} bars the best Sharpe ratio over {stated['look']} bars among {who}"
    )


def _costs(known: Mapping[str, Any]) -> str:
    pieces = [
        f"{name} {float(known[key]) * 1e4:g} bp"
        for name, key in (("commission", "commission_rate"), ("slippage", "slippage_rate"))
        if isinstance(known.get(key), int | float)
    ]
    if pieces:
        return ", ".join(pieces)
    return _brief(known["costs"]) if "costs" in known else "not stated"


def further_rules(assumptions: Mapping[str, Any]) -> str:
    """Names the rules of the ledger that differ from its defaults, costs a side left out."""
    rules = assumptions.get("rules")
    if not isinstance(rules, Mapping):
        return ""
    leverage = assumptions.get("leverage", 1.0)
    rules = {**({"leverage": leverage} if leverage != 1.0 else {}), **rules}
    usual = dict(flatten(asdict(Rules())))
    told = {"costs.commission.rate", "costs.slippage.rate", "on_change"}
    return ", ".join(
        f"{name} {value}"
        for name, value in flatten(rules)
        if name not in told and value != usual.get(name)
    )


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_brief(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_brief(item) for item in value) or "none"
    return "none" if value is None else str(value)


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields every assumption as (dotted name, value), in order."""
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{name}.")
        else:
            yield name, _brief(value)
