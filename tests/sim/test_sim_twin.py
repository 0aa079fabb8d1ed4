"""The differentiable ledger is the compiled one, and its gradients are those of the money."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from random_games import START, full_games, games

from drltrade.errors import UsageError
from drltrade.sim import (
    FILLS,
    Carry,
    Commission,
    Costs,
    Engine,
    Impact,
    Limits,
    Margin,
    Participation,
    Prices,
    Rules,
    Slippage,
    run_path,
)
from drltrade.sim.twin import PIECES, Twin

FRACTIONS = ("turnover", "drawdown", "drawdown_change", "exposure", "weights", "benchmark_return")
FLAGS = ("terminated", "liquidated")
STEP_ONLY = ("equity_before", "drawdown_change", "benchmark_return", *FLAGS)

# TWIN_EXAMPLES=10000 looks longer than every run of the tests can.
some = settings(max_examples=int(os.environ.get("TWIN_EXAMPLES", "200")), deadline=None)


def size_of(ledger):
    """The largest amount that was added or taken: money is rounded on that scale."""
    sums = set(ledger) - {*FRACTIONS, *FLAGS, "shares"}
    return float(max(np.abs(ledger[name]).max() for name in sums))


def assert_equal(found, ledger, tolerance=1e-9):
    size = size_of(ledger)
    for name, theirs in ledger.items():
        mine, unit = np.asarray(found[name], float), np.full(theirs.shape, size)
        if name in FRACTIONS:
            unit = unit / ledger["equity"].reshape(-1, *[1] * (theirs.ndim - 1))
        if name == "shares":
            unit = np.maximum(np.abs(theirs), 1.0)
        assert (np.abs(mine - theirs) <= tolerance * unit).all(), (name, mine, theirs)


def path_of(game):
    path = game.play()
    return path, {name: getattr(path, name)[1:] for name in PIECES if name not in STEP_ONLY}


def twin_run(game, accounts=1, **dtype):
    twin = Twin(game.prices, game.rules, **dtype)
    targets = torch.tensor(game.targets[: game.last], dtype=twin.dtype)
    return twin.run(targets[:, None].expand(-1, accounts, -1), 0, START)


# Parity -------------------------------------------------------------------------------------


@some
@given(full_games(off=("lot",)))
def test_every_piece_equals_the_kernels_under_every_rule(game):
    path, ledger = path_of(game)
    run = twin_run(game)
    assert_equal({name: run[name][:, 0] for name in ledger}, ledger)
    assert bool(run["terminated"][-1]) == path.terminated
    assert bool(run["liquidated"][-1]) == path.liquidated


@some
@given(full_games(off=("lot",)))
def test_the_pieces_add_up_to_the_change_of_equity(game):
    run = {name: piece[:, 0] for name, piece in twin_run(game).items()}
    earned = sum(run[name] for name in ("gap_pnl", "bar_pnl", "dividends", "interest", "funding"))
    paid = sum(run[name] for name in ("borrow", "commission", "slippage", "impact", "haircut"))
    change = earned - paid + run["shortfall"]
    size = max(float(piece.abs().max()) for name, piece in run.items() if name not in FLAGS)
    assert ((run["equity"] - run["equity_before"] - change).abs() <= 1e-12 * size).all()


@settings(max_examples=100, deadline=None)
@given(full_games(off=("lot",)))
def test_accounts_that_start_anew_on_the_way_equal_the_engines(game):
    prices, rules, last = game.prices, game.rules, game.last
    engine, twin = Engine(prices, rules, accounts=3, start_equity=START), Twin(prices, rules)
    first, rows = np.array([0, 1, 3]), np.arange(3)
    engine.reset(rows, first, np.full(3, last))
    account = twin.reset(torch.tensor(first), START)
    anew = {2: [1], 5: [0, 2]}  # at which step which accounts start again, at which bar
    names = [name for name in PIECES if name != "benchmark_return"]
    for at in range(8):
        if at in anew:
            which = np.isin(rows, anew[at])
            engine.reset(rows[which], np.full(which.sum(), 2), np.full(which.sum(), last))
            account = twin.restart(account, torch.tensor(which), torch.full((3,), 2), START)
        targets = game.targets[[at, last - at, 0]]
        account, bar = twin.step(account, torch.tensor(targets))
        step = engine.step(np.ascontiguousarray(targets))
        ledger = {name: np.array(getattr(step, name)) for name in names}
        assert_equal({name: getattr(bar, name) for name in ledger}, ledger, 1e-8)


@settings(max_examples=50, deadline=None)
@given(full_games(off=("lot",)))
def test_a_row_does_not_know_its_neighbours(game):
    twin = Twin(game.prices, game.rules)
    targets = torch.tensor(game.targets[: game.last])
    rows = torch.stack([targets, targets.flip(0), targets.roll(1, 0)], dim=1)
    together = twin.run(rows, 0, START)
    for row in range(3):
        alone = twin.run(rows[:, row : row + 1], 0, START)
        for name in PIECES:
            wanted = alone[name].double()
            found = together[name][:, row : row + 1].double()
            assert torch.allclose(found, wanted, rtol=1e-9, atol=1e-9 * START), name


@settings(max_examples=100, deadline=None)
@given(games(moves=(0.0, -0.02, -0.005, 0.01, 0.03), weights=(0.0, -1.0, -0.5, 0.3, 0.5, 1.0)))
def test_float32_tells_the_same_story_to_its_own_precision(game):
    exact = twin_run(game)
    rough = twin_run(game, dtype=torch.float32)
    assert rough["equity"].dtype == torch.float32
    for name in ("equity", "cash", "commission", "slippage", "gap_pnl", "bar_pnl", "traded"):
        assert torch.allclose(rough[name].double(), exact[name], rtol=0, atol=2e-4 * START), name


# Gradients ----------------------------------------------------------------------------------

PLAIN = Rules(on_change=False, leverage=2.0)
GENTLE, WILD = 0.02, 0.12


def world(assets, bars=6, seed=0, move=GENTLE, **columns):
    """Prices without a tie anywhere."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, move, (bars, assets)), axis=0))
    opens = np.roll(close, 1, axis=0) * np.exp(rng.normal(0, move / 2, (bars, assets)))
    opens[0] = close[0]
    high = np.maximum(opens, close) * (1 + rng.uniform(0, move / 2, (bars, assets)))
    low = np.minimum(opens, close) * (1 - rng.uniform(0, move / 2, (bars, assets)))
    volume = rng.uniform(500, 900, (bars, assets))
    return Prices(opens, close, high, low, volume=volume, days=rng.uniform(1, 3, bars), **columns)


def weights(assets, bars=5, seed=1, size=0.6):
    """Targets [T, 1, N] of both signs, none near another's kink."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], (bars, 1, assets))
    return sign * rng.uniform(0.3, 1.0, (bars, 1, assets)) * size


def eventful(assets, bars=6):
    shape = (bars, assets)
    split, dividend, funding = np.ones(shape), np.zeros(shape), np.zeros(shape)
    halted, delisted = np.zeros(shape, bool), np.zeros(shape, bool)
    split[2], dividend[3], funding[2:] = 2.0, 0.7, 0.003
    halted[3, 0], delisted[4, -1] = True, True
    return {"split": split, "dividend": dividend, "funding": funding, "halted": halted,
            "delisted": delisted}  # fmt: skip


def costing(minimum=0.0, per_share=0.0, impact=0.0):
    return Costs(Commission(0.002, minimum, per_share), Slippage(0.001), Impact(impact, 3))


def gap(fall):
    """One asset that opens far below the close before, in bar 3."""
    opens = world(1).open.copy()
    opens[3:] *= 1 - fall
    close = world(1).close.copy()
    close[3:] *= 1 - fall
    return Prices(opens, close, volume=np.full((6, 1), 700.0))


CALLED = replace(PLAIN, margin=Margin(0.45), costs=costing(0.7, 0.02))
CALL_SEEDS = {"next_open": 7, "next_close": 3, "same_close": 14}  # a margin call in bars 3, 4, 5
CASES = {
    "plain": (1, PLAIN, world(1), weights(1)),
    "plain, several": (3, PLAIN, world(3), weights(3)),
    "impact": (1, replace(PLAIN, costs=costing(impact=1.0)), world(1), weights(1)),
    "impact, several": (3, replace(PLAIN, costs=costing(impact=1.0)), world(3), weights(3)),
    "fees": (3, replace(PLAIN, costs=costing(0.7, 0.02, 0.5)), world(3), weights(3)),
    "fee of one": (1, replace(PLAIN, costs=costing(0.7, 0.02)), world(1), weights(1)),
    "scaled": (3, replace(PLAIN, leverage=0.8), world(3), weights(3)),
    "squeezed": (3, replace(PLAIN, leverage=0.8, on_change=True), world(3), weights(3)),
    "carry": (2, replace(PLAIN, carry=Carry(0.4, 0.9, 0.6)), world(2), weights(2, size=1.1)),
    "capped": (2, replace(PLAIN, participation=Participation(0.01, 2)), world(2), weights(2)),
    "change": (2, replace(PLAIN, limits=Limits(0.5, 0.2)), world(2), weights(2)),
    "events": (3, PLAIN, world(3, **eventful(3)), weights(3)),
    "closed out": (2, CALLED, world(2, seed=7, move=WILD), weights(2, size=1.1)),
    "closed out at the open": (1, replace(CALLED, margin=Margin(0.3)), gap(0.58),
                               np.full((5, 1, 1), 1.5)),
}  # fmt: skip


def rules_of(case, fill):
    assets, rules, prices, targets = CASES[case]
    targets = np.array(targets)
    if case == "closed out":
        prices = world(2, seed=CALL_SEEDS[fill], move=WILD)
    if case == "squeezed":  # the last asset is never sent again and stays where it is
        targets[1:, :, -1] = np.nan
    return assets, replace(rules, fill=fill), prices, targets


def log_wealth(prices, rules, targets):
    """Of the compiled kernel, and the number of bars in which nothing moved."""
    rows = np.full((prices.bars, prices.assets), np.nan)
    rows[: len(targets)] = targets[:, 0]
    return np.log(run_path(prices, rules, rows, 0, len(targets), START).equity[-1])


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("case", CASES)
def test_the_gradient_of_log_wealth_is_the_slope_of_the_kernels(case, fill):
    _, rules, prices, targets = rules_of(case, fill)
    weights = torch.tensor(targets, requires_grad=True)
    torch.log(Twin(prices, rules).run(weights, 0, START)["equity"][-1, 0]).backward()
    for index in np.ndindex(targets.shape):
        if np.isnan(targets[index]):
            assert weights.grad[index] == 0
            continue
        up, down = targets.copy(), targets.copy()
        up[index] += 1e-5
        down[index] -= 1e-5
        slope = (log_wealth(prices, rules, up) - log_wealth(prices, rules, down)) / 2e-5
        assert weights.grad[index].item() == pytest.approx(slope, rel=1e-5, abs=1e-8), index


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_every_piece_pass_gradcheck(case):
    _, rules, prices, targets = rules_of(case, "next_open")
    twin, given = Twin(prices, rules), ~np.isnan(targets)

    def pieces(free):
        whole = torch.full(targets.shape, torch.nan, dtype=torch.float64)
        run = twin.run(whole.masked_scatter(torch.tensor(given), free), 0)
        return tuple(run[name] for name in PIECES if run[name].requires_grad)

    free = torch.tensor(targets[given], requires_grad=True)
    assert len(pieces(free)) >= 12
    assert torch.autograd.gradcheck(pieces, (free,), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("fill", FILLS)
def test_the_cases_of_the_gradients_are_what_they_say(fill):
    for case, on_the_way in (("closed out", True), ("closed out at the open", False)):
        _, rules, prices, targets = rules_of(case, fill)
        run = Twin(prices, rules).run(torch.tensor(targets), 0, START)
        at = int(run["liquidated"][:, 0].int().argmax())
        assert run["liquidated"][-1]
        assert at >= 2
        assert run["commission"][at] > 0
        if fill == "next_open":
            assert bool((run["traded"][at] != 0).any()) == on_the_way  # filled before it failed
    _, rules, prices, targets = rules_of("squeezed", fill)
    twin = Twin(prices, rules)
    account, again = twin.reset(torch.tensor([0]), START), False
    for row in torch.tensor(targets):
        account, _ = twin.step(account, row)
        again |= bool(account.ordered[:, :-1].isnan().any())
    assert again


def test_gradients_flow_through_the_carried_account_until_it_is_detached():
    twin = Twin(world(2), PLAIN)
    first, second = torch.tensor(weights(2), requires_grad=True)[:2]
    account, _ = twin.step(twin.reset(torch.tensor([0])), first)
    carried, _ = twin.step(account, second)
    through = torch.autograd.grad(carried.equity.sum(), first, retain_graph=True)[0]
    assert (through != 0).all()
    cut, _ = twin.step(account.detach(), second)
    assert torch.equal(cut.equity, carried.equity)
    assert torch.autograd.grad(cut.equity.sum(), first, allow_unused=True)[0] is None


@some
@given(full_games(off=("lot",)))
def test_no_gradient_is_ever_nan_or_infinite(game):
    targets = torch.tensor(game.targets[: game.last, None], requires_grad=True)
    run = Twin(game.prices, game.rules).run(targets, 0, START)
    moving = [run[name].sum() for name in PIECES if run[name].requires_grad]
    assume(moving)
    sum(moving).backward()
    assert targets.grad.isfinite().all()


# The door -----------------------------------------------------------------------------------


def test_lots_are_refused_because_they_have_no_gradient():
    with pytest.raises(UsageError, match=r"lot is 1.*no gradient.*lot: 0"):
        Twin(world(1), Rules(lot=1.0))


def test_a_twin_refuses_other_precisions_shapes_and_bars():
    with pytest.raises(UsageError, match="float16"):
        Twin(world(1), PLAIN, dtype=torch.float16)
    twin = Twin(world(1), PLAIN)
    with pytest.raises(UsageError, match=r"bars 0\.\.4; got 5\.\.5"):
        twin.reset(torch.tensor([5]))
    account = twin.reset(torch.tensor([0, 4]))
    with pytest.raises(UsageError, match=r"\(2, 1\); got \(2, 2\)"):
        twin.step(account, torch.zeros(2, 2))
    account, _ = twin.step(account, torch.zeros(2, 1))
    with pytest.raises(UsageError, match="last bar"):
        twin.step(account, torch.zeros(2, 1))


def test_the_meta_device_is_honoured():
    assert Twin(world(1), PLAIN, device="meta")._quotes.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("case", CASES)
def test_a_gpu_counts_the_same_money(case):
    _, rules, prices, targets = rules_of(case, "next_open")
    weights = torch.tensor(targets)
    here = Twin(prices, rules).run(weights, 0, START)
    there = Twin(prices, rules, device="cuda").run(weights.cuda(), 0, START)
    for name in PIECES:
        assert there[name].device.type == "cuda"
        assert torch.allclose(there[name].cpu().double(), here[name].double(), rtol=1e-9), name


def test_the_money_loads_no_torch():
    code = "import sys, drltrade, drltrade.sim; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
