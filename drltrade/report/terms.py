"""What the terms of the page mean: one plain sentence each, with the paper it comes from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TERMS", "Term"]


@dataclass(frozen=True)
class Term:
    """One term.

    Attributes:
        name: as the page writes it.
        meaning: one plain sentence.
        source: author, year, title and journal; empty where the page's own words are the source.
    """

    name: str
    meaning: str
    source: str = ""


_EDGE = "Bailey and Lopez de Prado 2012, The Sharpe ratio efficient frontier, Journal of Risk 15(2)"
_RUNS = (
    "Agarwal, Schwarzer, Castro, Courville and Bellemare 2021, Deep reinforcement learning at the"
    " edge of the statistical precipice, NeurIPS"
)

TERMS: dict[str, Term] = {
    "interval": Term(
        "95 % interval",
        "Where the figure falls in 95 of 100 replays that draw seeds and stretches of bars anew,"
        " with replacement.",
        "Politis and Romano 1994, The stationary bootstrap, Journal of the American Statistical"
        " Association 89",
    ),
    "range": Term(
        "Range over seeds",
        "The lowest and the highest seed, where fewer than five are too few for an interval.",
    ),
    "p": Term(
        "p-value",
        "How often the best of all agents would lead its rival by as much if none of them were"
        " better than it.",
        "Hansen 2005, A test for superior predictive ability, Journal of Business and Economic"
        " Statistics 23(4)",
    ),
    "winners": Term(
        "Agents that beat every rival",
        "Those whose lead stays beyond chance although the best of several was looked for.",
        "Romano and Wolf 2005, Stepwise multiple testing as formalized data snooping,"
        " Econometrica 73(4)",
    ),
    "pair": Term(
        "p-value of a pair",
        "How often the mean returns of two would lie so far apart, on either side, if both earned"
        " the same: by replays that draw the same stretches of bars for both.",
        "Politis and Romano 1994, The stationary bootstrap, Journal of the American Statistical"
        " Association 89",
    ),
    "adjusted": Term(
        "Adjusted p-value",
        "The same, raised so that any pair below the level is there by luck no more often than the"
        " level says, all pairs taken together.",
        "Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal"
        " of Statistics 6(2)",
    ),
    "difference": Term(
        "Difference",
        "The agent's figure less the rival's on the same bars; above 0 the agent is ahead.",
    ),
    "psr": Term(
        "Chance that Sharpe is above 0",
        "Confidence that the Sharpe ratio of the seeds' average is above 0, given its bars, its"
        " skew and its fat tails (the probabilistic Sharpe ratio).",
        _EDGE,
    ),
    "deflated": Term(
        "Deflated Sharpe probability",
        "The same confidence held against the best Sharpe ratio that luck alone reaches among so"
        " many trials.",
        "Bailey and Lopez de Prado 2014, The deflated Sharpe ratio, Journal of Portfolio"
        " Management 40(5)",
    ),
    "track_record": Term(
        "Track record",
        "The bars there are, and how many it takes to be 95 % sure that such a Sharpe ratio is"
        " above 0.",
        _EDGE,
    ),
    "improvement": Term(
        "Chance to beat the baseline",
        "How often a run of the agent has the higher Sharpe ratio on the test bars of a fold, a"
        " tie counting half.",
        _RUNS,
    ),
    "interquartile_mean": Term(
        "Interquartile mean",
        "The mean Sharpe ratio of the middle half of all seeds and folds, which one lucky run"
        " cannot lift.",
        _RUNS,
    ),
    "achievable": Term(
        "Share of the achievable",
        "How far the agent came from the baseline's log growth, 0, to that of perfect foresight"
        " under the same rules, 1.",
    ),
    "gap": Term(
        "Train, validation and test",
        "Sharpe ratios on the bars that were learnt from, chosen by, and read once; a steep fall"
        " from one to the next is overfitting.",
    ),
    "overfitting": Term(
        "Overfitting probability",
        "How often the run that is best in one half of the bars is below the median in the other,"
        " over many ways to halve them.",
        "Bailey, Borwein, Lopez de Prado and Zhu 2017, The probability of backtest overfitting,"
        " Journal of Computational Finance 20(4)",
    ),
    "profile": Term(
        "Performance profile",
        "The share of all seeds and folds whose Sharpe ratio is above a threshold; the higher"
        " curve is better.",
        _RUNS,
    ),
    "trials": Term(
        "Trials",
        "Every policy that was ever judged on bars of this interval; the best of many shines by"
        " luck alone.",
    ),
    "break_even": Term(
        "Break-even",
        "The multiple of the assumed commission, slippage and impact at which no more is left than"
        " idle cash earns, the policy deciding anew at those costs.",
    ),
    "regimes": Term(
        "Regimes",
        "Up or down by the return of the last quarter and calm or volatile against the median so"
        " far, both told before the bar that is counted.",
    ),
    "attribution": Term(
        "Attribution",
        "The total return in parts: beta, what the mean position alone would have earned; timing,"
        " what moving away from it added; costs; other, such as interest.",
        "Carino 1999, Combining attribution effects over time, Journal of Performance Measurement"
        " 3(4)",
    ),
    "importance": Term(
        "Importance",
        "How far the position moves, in shares of equity, when one input is shuffled over the bars"
        " while the others stay.",
        "Breiman 2001, Random forests, Machine Learning 45",
    ),
    "sensitivity": Term(
        "Sensitivity to noise",
        "How far the position moves, in shares of equity, when noise of a small part of its own"
        " spread is added to every feature; who moves much has learnt noise.",
    ),
    "nulls": Term(
        "Luck",
        "What the same positions earn at other times on the same ledger, their order or their start"
        " drawn at random; p is how often they do at least as well.",
    ),
    "trades": Term(
        "Best and worst within a trade",
        "The largest gain and loss on the way from entry to exit, of what was paid to enter, the"
        " median over trades (MFE and MAE).",
        "Sweeney 1997, Maximum adverse excursion, Wiley",
    ),
}
"""Every term by the key that the page's sections use."""
