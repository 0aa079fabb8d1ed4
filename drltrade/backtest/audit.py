"""Audits features, strategies, envs and actors: says what moved when the future did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.foresight import foresight
from drltrade.backtest.leaks import Event, Seen, Subject, watch
from drltrade.backtest.naming import Guess, recognise
from drltrade.backtest.replay import ORDERS, actor_subject, env_subject
from drltrade.data.dates import show
from drltrade.envs import Game

__all__ = ["audit_actor", "audit_columns", "audit_env"]

_CUTS = 3
"""Cuts after which a whole game is played again."""
_COLUMNS = {"features": ("The feature", "value"), "targets": ("The strategy", "weight")}


@dataclass(frozen=True, eq=False)
class _About:
    """Words for one array.

    Attributes:
        check: what is checked.
        who: whose array it is, at the start of a sentence.
        what: what of it moves.
        name: its name, where it has one.
        entries: names of what stands in a row of it.
        subject: what computes it, where single bars shall say what a leak looks like.
    """

    check: str
    who: str
    what: str
    name: str = ""
    entries: Sequence[str] = ()
    subject: Subject | None = None


def audit_columns(
    subjects: Sequence[Subject], world: Watch, check: str = "features"
) -> tuple[list[Finding], list[int]]:
    """Audits what is computed for all bars at once, and says what a leak looks like.

    Args:
        subjects: each plays to columns [T, N] by name, with nothing in between that would refuse
            them.
        world: the data and the cuts.
        check: "features", or "targets" for the weights of strategies.

    Returns:
        The findings, and which subjects leak or cannot be checked.
    """
    kind, value = _COLUMNS[check]
    findings, leaking, clean, worlds = [], [], [], []
    for at, found in enumerate(watch(subjects, world, world.cuts.all)):
        answers: list[Finding] = []
        for name, seen in found.items():
            who = f"{kind} '{name}'"
            about = _About(check, who, f"its {value}", name, world.market.symbols, subjects[at])
            answers += _judge(about, seen, world) or foresight(who, seen, world)
        findings += answers
        if any(item.bad for item in answers):
            leaking.append(at)
        else:
            clean += list(found)
            worlds += [seen.worlds for seen in found.values()]
    if clean:
        told = f"{', '.join(clean)}: no {value} moved in {min(worlds)} changed futures."
        findings.append(Finding(check, "ok", told))
    return findings, leaking


def audit_env(game: Game, world: Watch) -> list[Finding]:
    """Steps the Gymnasium env through changed futures: observations, rewards, equity."""
    alone, subject = env_subject(game, world.seed)
    found = _play(alone, subject, world)
    findings = _of_game("The env", found, world, game.layout.columns)
    return findings + foresight("The reward", found["rewards"], world)


def audit_actor(
    game: Game, make_actor: Callable[[], Any], name: str, world: Watch
) -> list[Finding]:
    """Backtests a strategy or a policy in changed futures: orders, fills, equity.

    Args:
        game: the env and its interval.
        make_actor: makes the actor afresh.
        name: what to call it.
        world: the data and the seed.
    """
    inside, subject = actor_subject(game, make_actor, name)
    found = _play(inside, subject, world)
    orders = found.pop(ORDERS)
    findings = _of_game(f"'{name}'", found, world)
    if any(item.bad for item in findings):
        return findings
    return findings + foresight(f"The actor '{name}'", orders, world)


def _play(game: Game, subject: Subject, world: Watch) -> dict[str, Seen]:
    start, span = subject.start, game.last - subject.start
    cuts = {start + span * (i + 1) // (_CUTS + 1) for i in range(_CUTS)} - {start}
    (found,) = watch([subject], world, sorted(cuts))
    return found


def _of_game(
    who: str, found: dict[str, Seen], world: Watch, columns: Sequence[str] = ()
) -> list[Finding]:
    findings = []
    for check, seen in found.items():
        entries = columns if check == "observations" else ()
        played = f"{seen.bars:,} bars in {seen.worlds} changed futures"
        ok = Finding(check, "ok", f"{who}: nothing moved, {played}.", details={"bars": seen.bars})
        findings += _judge(_About(check, who, check, entries=entries), seen, world) or [ok]
    return findings


def _judge(about: _About, seen: Seen, world: Watch) -> list[Finding]:
    """Says what moved or could not be shown; nothing where all is well."""
    check, who, what = about.check, about.who, about.what
    if not seen.repeats:
        message = f"{who} answers differently when it is asked again for the same bars: {what}."
        fix = "Draw from a generator with a seed, np.random.default_rng(0), made at every call."
        return [Finding(check, "failed", f"{message} Nothing can be shown of it.", fix)]
    if not seen.worlds:
        message = f"{who} could be asked in no changed future: {what}."
        return [Finding(check, "failed", message, "Use more bars: --start and --end.")]
    if not seen.events:
        return []
    large = [event for event in seen.events if not event.small]
    spread = world.cuts.spread
    event = max(large or seen.events, key=lambda each: (each.cut in spread, each.ahead))
    entry = f" of {about.entries[event.place[0]]}" if about.entries else ""
    moved = (
        f"{what}{entry} at {world.at(event.row)} moved when the bars after {world.at(event.cut)}"
        f" changed ({event.how})"
    )
    if large:
        return [_leak(about, moved, event, _guess(about, seen, large, event, world), world)]
    message = f"{who} moves in its last digits: {moved}."
    fix = "Harmless by size; a convolution or a sum over the whole series is the usual cause."
    return [Finding(check, "warning", message, fix, {"bar": event.row})]


def _guess(about: _About, seen: Seen, large: list[Event], event: Event, world: Watch) -> Guess:
    """Says what a leak looks like; of orders, whose steps hide its shape, only how far it saw."""
    subject = about.subject
    if subject is None:
        fix = "Find what reads prices elsewhere than in the market, the view or the Step it gets."
        return Guess("", event.ahead, fix)
    guess = recognise(lambda market: subject.on(market)[about.name], seen, large, world)
    if about.check == "targets" and guess.ahead is not None:
        fix = "Decide row t from rows up to t; the fill on the next bar is the engine's work."
        return Guess(f"uses bar t+{guess.ahead} at bar t", guess.ahead, fix)
    return guess


def _leak(about: _About, moved: str, event: Event, guess: Guess, world: Watch) -> Finding:
    reads = {None: "the whole series, to the last bar", 1: "tomorrow"}.get(
        guess.ahead, f"the future, {guess.ahead} bars ahead"
    )
    looks = f"; it {guess.looks_like}" if guess.looks_like else ""
    details = {
        "name": about.name,
        "bar": event.row,
        "stamp": show(world.market.stamps[event.row]),
        "ahead": guess.ahead,
        "looks_like": guess.looks_like.removeprefix("looks like "),
        "change": event.how,
    }
    message = f"{about.who} reads {reads}: {moved}{looks}."
    return Finding(about.check, "LEAK", message, guess.fix, details)
