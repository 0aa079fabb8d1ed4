"""Trained policies that act together: the mean of what they want, or the best of them in turn.

Each member plays a paper account of its own, as if it were alone: it sees its own holdings, as it
did in training, through its own window and features. From the targets that stand there after each
bar the ensemble makes one target, which is traded as a strategy's is, by weight and by no action
scheme. Nothing is trained again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.card import PolicyCard
from drltrade.agents.policy import Policy
from drltrade.agents.relay import Relay
from drltrade.data import Market
from drltrade.data.dates import show
from drltrade.data.segments import span_names
from drltrade.envs import Game
from drltrade.envs.actions import DISCRETE, ActionScheme
from drltrade.errors import UsageError, unknown
from drltrade.sim import Path, Rules

__all__ = ["SCHEMES", "Ensemble", "Scheme"]

Floats = NDArray[np.float64]
Scheme = Literal["mean", "rotate"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
QUARTER = 63
"""Trading days in three months."""

_WORLD = ("fill", "costs", "carry", "margin", "participation", "limits", "delisting", "lot", "band",
          "equity")  # fmt: skip
"""Settings of the game that is judged by which the members' paper accounts are played."""
_STILL = 1e-12  # a standard deviation of returns below this is none


class Ensemble:
    """Several trained policies as one.

    `mean` wants the mean of the members' targets. `rotate` follows one member at a time (Yang, Liu,
    Zhong & Walid 2020, "Deep reinforcement learning for automated stock trading: an ensemble
    strategy", ICAIF): every `every` bars it takes the one with the best Sharpe ratio over the
    `look` bars before; unlike there, members are not trained again in between. The paper accounts
    begin `look` bars before the interval, where its segment has them, so that the first choice has
    something to go by; without two bars of the past the validation score chooses.

    A member that cannot act yet, or whose paper account is over, wants cash; where none can act
    yet, there is no order. Where every member's game leaves an unchanged action alone (`on_change`,
    the rule of discrete schemes), an unchanged target of the ensemble is no order either and its
    holdings drift; where one goes back to its target every bar, so does the ensemble. Shorts are
    allowed where one member has them, and leverage up to the largest of theirs.

    Attributes:
        members: the policies, or relays of them.
        scheme: "mean" or "rotate".
        every: bars between two choices of `rotate`.
        look: bars that a choice looks back over.
        labels: what to call each member.
        name: what to call all of them.

    Raises:
        UsageError: there is no member, the scheme is unknown, or the members' assets differ.
    """

    def __init__(
        self,
        members: Sequence[Policy | Relay],
        scheme: str = "mean",
        *,
        every: int = QUARTER,
        look: int = QUARTER,
        labels: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        if not members:
            raise UsageError("An ensemble needs at least one trained policy; there is none.")
        if scheme not in SCHEMES:
            raise unknown("ensemble", scheme, SCHEMES)
        for key, value, least in (("every", every, 1), ("look", look, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(f"ensemble.{key} is {value!r}; it must be at least {least} bars.")
        self.members, self.scheme, self.every, self.look = tuple(members), scheme, every, look
        self.labels = tuple(labels) if labels is not None else _labels(self.cards)
        _check_assets(self.cards, self.labels)
        self.name = name or self._described()

    def __repr__(self) -> str:
        return f"<Ensemble {self.name}: {', '.join(self.labels)}>"

    @property
    def cards(self) -> tuple[PolicyCard, ...]:
        """What is known of each member; of a relay, of its first policy."""
        return tuple(member.card for member in self.members)

    @property
    def card(self) -> PolicyCard:
        """The first member's, whose data, costs and rules are the ensemble's by default."""
        return self.members[0].card

    @property
    def roots(self) -> tuple[FilePath, ...]:
        """Where the members' data and plug-ins are looked up."""
        return tuple(dict.fromkeys(root for member in self.members for root in member.roots))

    def _described(self) -> str:
        agents, count = {card.agent for card in self.cards}, len(self.members)
        if self.scheme == "rotate":
            return f"rotate over {count} policies"
        if len(agents) > 1:
            return f"mean of {count} policies"
        return f"mean of {agents.pop()} ({count} seeds)"

    def game(
        self,
        market: Market | None = None,
        start: str | None = None,
        end: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        roots: Sequence[FilePath] = (),
    ) -> Game:
        """Builds the game that the ensemble is judged in: the first member's, with its own orders.

        The arguments are those of `Policy.game`.
        """
        game = self.members[0].game(market, start, end, overrides, roots)
        settings = game.settings.model_copy(update={"leverage": self._leverage})
        game = replace(game, settings=settings)
        return replace(game, rules=self.rules(game))

    def rules(self, game: Game) -> Rules:
        """The rules of a game with what the members decide of them: orders, shorts, leverage."""
        wanted = game.settings.rebalance
        alone = all(_on_change(card) for card in self.cards)
        return replace(
            game.rules,
            on_change=alone if wanted is None else wanted == "on_change",
            shorts=any(_shorts(card) for card in self.cards),
            leverage=self._leverage,
        )

    @property
    def _leverage(self) -> float:
        return max(float(card.env["leverage"]) for card in self.cards)

    def games(self, game: Game) -> Iterator[tuple[Policy | Relay, Game]]:
        """Yields each member with the game of its paper account, in the world of another game.

        Data, fill, costs and equity are that game's; what a member sees and may do is its own.
        """
        content = game.settings.model_dump(mode="json")
        world = {key: content[key] for key in _WORLD}
        spans = self._seen(game)
        known: dict[str, Game] = {}  # seeds of one agent see and do the same
        for member in self.members:
            card = member.card
            key = f"{card.env} {card.action} {card.scaler}"
            if key not in known:
                known[key] = member.game(game.market, None, None, world, game.roots)
            yield member, replace(known[key], spans=spans)

    def _seen(self, game: Game) -> NDArray[np.int64]:
        """[S, 2] the bars that paper accounts are played on: those that are judged, and before."""
        spans, segment = game.spans, game.market.segment
        if self.scheme == "mean":
            return spans
        starts = np.searchsorted(segment, segment[spans[:, 0]])
        return np.stack([np.maximum(spans[:, 0] - self.look, starts), spans[:, 1]], axis=1)

    def join(self, game: Game, span: int, papers: Sequence[Path]) -> tuple[Floats, dict[str, str]]:
        """Makes the ensemble's orders in one span of a game of the members' paper accounts.

        Row t depends on what the paper accounts were and wanted at the close of bar t, on nothing
        after it.

        Returns:
            [T, N] target weights, NaN where there is no order; and who was followed from when on.
        """
        first, last = game.spans[span].tolist()
        wanted = np.stack([_wanted(path, first, last) for path in papers])  # [M, L, N]
        idle = np.logical_and.accumulate(np.isnan(wanted).all(axis=(0, 2)))[:, None]
        wanted = np.nan_to_num(wanted, nan=0.0)
        told: dict[str, str] = {}
        if self.scheme == "mean":
            chosen = _mean(wanted)
        else:
            chosen = np.empty_like(wanted[0])
            for bar in range(first, last, self.every):
                best = self._best(game, papers, bar)
                rows = slice(bar - first, bar - first + self.every)
                chosen[rows] = wanted[best, rows]
                told[_stamp(game, span, bar)] = self.labels[best]
        targets = np.full((game.market.bars, game.market.assets), np.nan)
        targets[first:last] = np.where(idle, np.nan, chosen)
        return targets, told

    def _best(self, game: Game, papers: Sequence[Path], bar: int) -> int:
        """The member with the best Sharpe ratio up to a bar; of equal ones the first."""
        if bar - int(papers[0].bars[0]) < 2:
            scores = [-math.inf if card.score is None else card.score for card in self.cards]
        else:
            scores = [_sharpe(game, path, bar, self.look) for path in papers]
        return int(np.argmax(scores))

    def to_dict(self) -> dict[str, Any]:
        """States the ensemble as plain values, for reports and JSON."""
        content: dict[str, Any] = {"scheme": self.scheme, "members": list(self.labels)}
        if self.scheme == "rotate":
            content |= {"every": self.every, "look": self.look}
        return content


def _labels(cards: Sequence[PolicyCard]) -> tuple[str, ...]:
    names = [f"{card.agent} seed {card.seed}" for card in cards]
    seen, told = Counter[str](), []
    for name in names:
        seen[name] += 1
        told.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return tuple(told)


def _check_assets(cards: Sequence[PolicyCard], labels: Sequence[str]) -> None:
    first = cards[0].observation.symbols
    for card, label in zip(cards, labels, strict=True):
        if card.observation.symbols != first:
            raise UsageError(
                f"The members of an ensemble trade the same assets: {labels[0]} trades"
                f" {', '.join(first)}, but {label} {', '.join(card.observation.symbols)}."
            )


def _on_change(card: PolicyCard) -> bool:
    """Whether an unchanged action of a member is no order."""
    wanted = card.env.get("rebalance")
    return wanted == "on_change" or (wanted is None and card.action.scheme in DISCRETE)


def _shorts(card: PolicyCard) -> bool:
    levels = tuple(card.env["actions"]["levels"])
    return ActionScheme(card.action.scheme, len(card.observation.symbols), levels).shorts


def _wanted(path: Path, first: int, last: int) -> Floats:
    """[L, N] the targets that stand after the bars `first` to `last` - 1."""
    start = first - int(path.bars[0]) + 1  # the row of a bar holds what was decided one before
    return path.targets[start : start + last - first]


def _mean(wanted: Floats) -> Floats:
    """[L, N] the mean over members, rounded once: two that swap their targets change nothing."""
    sums = [math.fsum(column) for column in wanted.reshape(len(wanted), -1).T]
    return np.array(sums).reshape(wanted.shape[1:]) / len(wanted)


def _sharpe(game: Game, path: Path, bar: int, look: int) -> float:
    """Sharpe ratio a bar of a paper account over the `look` bars up to one; undefined counts 0."""
    row = bar - int(path.bars[0])
    begin = max(row - look, 0)
    equity = path.equity[begin : row + 1]
    stamps = game.market.stamps[path.bars[begin] : bar + 1]
    days = np.diff(stamps) / np.timedelta64(1, "D")
    excess = equity[1:] / equity[:-1] - 1.0 - game.rules.carry.cash * days / 365.0
    spread = float(excess.std(ddof=1))
    return float(excess.mean()) / spread if spread > _STILL else 0.0


def _stamp(game: Game, span: int, bar: int) -> str:
    """A bar's stamp, after the name of its segment where several are played."""
    stamp = show(game.market.stamps[bar])
    if len(game.spans) == 1:
        return stamp
    return f"{span_names(game.market, game.spans[[span]])[0]} {stamp}"
