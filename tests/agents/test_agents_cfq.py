"""cfq's table is what the ledger does, its targets are its formula's, and it learns no luck."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium import spaces

from drltrade.agents import AGENTS, TrainTask, cfq_outcomes, train
from drltrade.agents.cfq import Batch, build_network, loss_of, targets_of
from drltrade.agents.cfq_outcomes import check_memoryless, tabulate
from drltrade.data import Market
from drltrade.data.synthetic import ou
from drltrade.envs import EnvSettings, build_game
from drltrade.envs.batch import Batch as Accounts
from drltrade.envs.layout import Layout
from drltrade.errors import UsageError
from drltrade.sim import Commission, Costs, Slippage
from drltrade.sim.optimal import dp_optimal

LAYOUT = Layout(1, ("A",), ("x",))
THREE = spaces.Discrete(3)


def settings_of(**fields):
    return AGENTS["cfq"].settings(**fields)


def game_on(market, rate=0.001, **fields):
    fields = {"features": ["log_return"], "window": 1, "fill": "next_close"} | fields
    env = EnvSettings(costs=Costs(Commission(rate), Slippage(0.0)), **fields)
    usable = AGENTS["cfq"].usable_schemes(market.assets)
    return build_game(env, market=market, usable=usable)


def walk(bars=60, assets=1, seed=0, size=0.02):
    noise = np.random.default_rng(seed).standard_normal((bars, assets))
    return Market.build(50 * np.exp(np.cumsum(size * noise, axis=0)))


def table_of(game):
    return tabulate(game, np.random.default_rng(0))


# The table.


def test_outcomes_by_hand():
    # Flat until the jump of 10 % after bar 6; next_open fills at the open of 7, which is 100.
    close = np.array([100.0] * 7 + [110.0] * 3)
    opened = np.r_[100.0, close[:-1]]
    market = Market.build(close, open=opened, high=np.maximum(opened, close), low=opened)
    table = table_of(game_on(market, fill="next_open"))
    (row,) = np.flatnonzero(table.bars == 6)
    k = 0.001
    # From h = -1, 0, 1 of V to w: V' = V - k |w V' - h V|, then (1 + w / 10) on it; an unchanged
    # level is no order, and of weights h = +-1 the cash is what the first trade left.
    to = {
        (-1, 0): 1 - k, (-1, 1): (1 - k) / (1 + k) * 1.1,
        (0, -1): 1 / (1 + k) * 0.9, (0, 0): 1.0, (0, 1): 1 / (1 + k) * 1.1,
        (1, -1): (1 - k) / (1 + k) * 0.9, (1, 0): 1 - k, (1, 1): 1.1, (-1, -1): 0.9,
    }  # fmt: skip
    for (held, taken), growth in to.items():
        got = table.reward[row, held + 1, taken + 1]
        assert got == pytest.approx(np.log(growth), rel=1e-5), (held, taken)
        weight = {-1: -1.1 / 0.9, 0: 0.0, 1: 1.0}[taken]
        assert table.after[row, held + 1, taken + 1, 0] == pytest.approx(weight, rel=1e-5)
    assert table.before[row, :, 0].tolist() == pytest.approx([-1, 0, 1])
    assert table.alive.all()
    assert table.known.all()
    assert (table.growth == 1).all()


@pytest.mark.parametrize("assets", [1, 3])
def test_the_table_tells_what_any_path_of_accounts_meets(assets):
    # Weights are brought back in every bar, so that no account's past matters.
    game = game_on(walk(assets=assets), rebalance="every_bar", leverage=0.8)
    table, count = table_of(game), int(game.action_space.n)
    rng = np.random.default_rng(1)
    accounts = Accounts(game, 64, rng)
    accounts.restart(accounts.rows)
    row_of = {int(bar): row for row, bar in enumerate(table.bars)}
    held, met = np.zeros(64, np.int64), 0
    held[:] = int(np.flatnonzero((game.scheme.targets(np.arange(count)) == 0).all(1))[0])
    for _ in range(15):
        bars, taken = accounts.engine.current.bar.copy(), rng.integers(count, size=64)
        reward = accounts.step(taken)
        known = [b for b in range(64) if int(bars[b]) in row_of]
        rows = [row_of[int(bars[b])] for b in known]
        at = (rows, held[known], taken[known])
        assert table.reward[at] == pytest.approx(reward[known], rel=1e-4, abs=1e-7)
        seen = accounts.observations[known, game.layout.window_size :]
        assert table.after[at] == pytest.approx(seen, rel=1e-4, abs=1e-6)
        held, met = taken, met + len(known)
        if accounts.step_view.truncated.any():
            break
    assert met > 100


def test_the_table_stays_inside_its_interval_and_its_segments():
    market = walk(60)
    game = game_on(market).within(20, 40)
    table = table_of(game)
    assert table.bars.tolist() == list(range(21, 40))
    close = market.close.copy()
    close[41:] *= 3.0
    close[:20] *= 7.0
    again = table_of(replace(game, prices=game_on(Market.build(close)).prices))
    for name in ("before", "reward", "after"):
        assert np.array_equal(getattr(table, name), getattr(again, name))


def test_a_fresh_account_is_a_position_where_no_level_is_flat():
    game = game_on(walk(), actions={"scheme": "levels", "levels": (-1.0, 1.0)})
    table = table_of(game)
    assert table.reward.shape[1:] == (3, 2)
    assert table.before[:, 2].tolist() == [[0.0]] * len(table.bars)


def test_many_positions_are_drawn_bar_by_bar(monkeypatch):
    monkeypatch.setattr(cfq_outcomes, "MOST_HELD", 2)
    game = game_on(walk(assets=3))
    table = table_of(game)
    assert table.reward.shape[1:] == (2, 5)
    kinds = {tuple(each) for each in np.round(table.before).reshape(len(table.bars), -1)}
    assert len(kinds) > 5
    assert train(TrainTask(game, settings_of(accounts=20), 1, 500)).policy


def test_a_table_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(cfq_outcomes, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="cfq's table of 57 bars x 3 positions x 3 actions"):
        table_of(game_on(walk()))


def test_a_ruin_ends_the_account_in_the_table(monkeypatch):
    monkeypatch.setattr(cfq_outcomes, "AGES", (2,))
    close = np.r_[np.full(6, 100.0), np.full(3, 400.0)]  # a short loses three times its equity
    market = Market.build(close)
    table = table_of(game_on(market))
    assert not table.alive[table.bars == 5, 0, 0].any()
    assert table.alive[table.bars == 5, 2, 2].all()
    assert not table.known[table.bars == 6][:, 0].any()  # who was short did not see that bar


# Rewards.


def exposed(step):
    return step.log_return - 0.01 * step.exposure


def peaked(step):
    return -step.drawdown


def forgetful(step):
    forgetful.calls = getattr(forgetful, "calls", 0) + 1
    return step.log_return * (forgetful.calls % 3)


@pytest.mark.parametrize(
    ("reward", "in_money"),
    [
        ("log_return", False), ("mean_variance", False), ("excess_over_benchmark", False),
        ({"log_return": 1.0, "turnover": -0.1}, False), (exposed, False), ("profit", True),
    ],
)  # fmt: skip
def test_rewards_that_one_step_decides_are_taken(reward, in_money):
    fields = {"reward": reward} if not callable(reward) else {}
    game = game_on(walk(), **fields)
    game = replace(game, reward=reward)
    assert check_memoryless(game) is in_money


@pytest.mark.parametrize(
    ("reward", "reason"),
    [
        ("differential_sharpe", "remembers"), ("differential_sortino", "remembers"),
        ("cvar", "remembers"), (forgetful, "'forgetful' remembers"),
        ({"log_return": 1.0, "drawdown": -0.1}, "'drawdown' depends on what the account went"),
        ({"drawdown_change": -0.1}, "'drawdown_change' depends"), (peaked, "'peaked' depends"),
        ({"profit": 1.0, "turnover": -0.1}, "'profit' is in parts of the starting equity"),
    ],
)  # fmt: skip
def test_rewards_with_a_past_are_refused_with_what_is_allowed(reward, reason):
    game = replace(game_on(walk()), reward=reward)
    with pytest.raises(UsageError, match=f"{reason}.*It can use log_return, profit.*such as ppo"):
        train(TrainTask(game, settings_of(), 1, 1000))


def test_rewards_in_money_count_from_the_equity_of_the_day():
    table = table_of(game_on(walk(), reward="profit"))
    assert table.reward == pytest.approx(table.growth - 1, abs=1e-6)
    assert np.std(table.growth) > 0.01


# Targets and losses.


def constant(*values, **fields):
    """A network that finds actions worth `values` everywhere."""
    network = build_network(settings_of(layers=(), **fields), LAYOUT, THREE)
    with torch.no_grad():
        network.advantage[0].weight.zero_()
        network.advantage[0].bias.copy_(torch.tensor(values))
    return network


def batch_of(alive=1.0, growth=1.0, reward=2.0):
    shape = (1, 1, 3)
    return Batch(
        bars=torch.zeros(1, dtype=torch.int64), before=torch.zeros(1, 1, 1),
        known=torch.ones(1, 1), reward=torch.full(shape, reward),
        alive=torch.full(shape, alive), growth=torch.full(shape, growth),
        after=torch.zeros(*shape, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("double", "alive", "growth", "target"),
    [
        (False, 1.0, 1.0, 2 + 0.5 * 5),  # the best by the average itself
        (True, 1.0, 1.0, 2 + 0.5 * 3),  # the network's best, valued by the average
        (True, 0.0, 1.0, 2.0),  # nothing comes after a ruin
        (True, 1.0, 1.1, 2 + 0.5 * 1.1 * 3),  # in money
    ],
)
def test_targets_by_hand(double, alive, growth, target):
    from drltrade.agents.networks import Feed

    network, average = constant(9.0, 1.0, 1.0), constant(3.0, 5.0, 0.0)
    for each in (network, average):
        each.sight.feed(Feed(np.zeros((2, 1), np.float32)))
    settings = settings_of(gamma=0.5, double=double)
    got = targets_of(network, average, batch_of(alive, growth), settings)
    assert got.flatten().tolist() == pytest.approx([target] * 3)


def test_losses_by_hand():
    values, targets = torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 100.0]).reshape(1, 2, 1, 1)
    # The second position is not known.
    assert loss_of(values, targets, torch.tensor([[1.0, 0.0]]), 0).item() == 9.0
    # Two quantiles, .25 and .75, both at 0, against targets -0.5 and 2:
    # huber is .125 and 1.5; (.75 * .125 + .25 * 1.5) / 2 + (.25 * .125 + .75 * 1.5) / 2
    two = torch.tensor([-0.5, 2.0]).reshape(1, 1, 1, 2)
    got = loss_of(torch.zeros(1, 1, 1, 2), two, torch.ones(1, 1), 2)
    assert got.item() == pytest.approx((0.09375 + 0.375 + 0.03125 + 1.125) / 2)


def test_a_duelling_network_is_its_level_and_what_actions_differ_by():
    network = build_network(settings_of(duelling=True, quantiles=4), LAYOUT, THREE)
    codes, accounts = torch.randn(5, 1), torch.randn(5, 7, 1)
    values = network(codes, accounts)
    assert values.shape == (5, 7, 3, 4)
    rows = torch.cat([codes[:, None].expand(5, 7, 1), accounts], -1)
    assert torch.allclose(values.mean(-2), network.value(rows), atol=1e-6)


def test_what_the_account_went_through_decides_nothing():
    layout = Layout(1, ("A",), ("x",), ("drawdown", "target", "log_equity"))
    network = build_network(settings_of(), layout, THREE)
    row = torch.tensor([[[0.5, 0.0, 1.0, 0.0]]])
    other, code = torch.tensor([[[0.5, 0.3, 1.0, 2.0]]]), torch.ones(1, 1)
    assert torch.equal(network(code, row), network(code, other))
    assert not torch.equal(network(code, row), network(code, row * torch.tensor([1, 1, 0, 1])))


# Learning.


@pytest.mark.parametrize("encoder", ["mlp", "gru"])
def test_windows_by_number_teach_what_whole_windows_do(game_of, encoder):
    game = game_of("cfq", bars=600)
    task = TrainTask(game, settings_of(accounts=90, encoder=encoder), seed=1, steps=2000)
    one, other = (train(each).policy for each in (task, replace(task, indexed=False)))
    rows = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)
    assert np.array_equal(one.predict(rows)[0], other.predict(rows)[0])
    for name, weight in one.network.state_dict().items():
        assert torch.equal(weight, other.network.state_dict()[name])


@pytest.mark.parametrize("switch", [{}, {"quantiles": 8}, {"duelling": True}, {"double": False}])
def test_the_optimum_of_a_reverting_price_is_found(switch):
    def game_at(seed, bars, **scaler):
        env = EnvSettings(
            features=[{"column": "signal", "lag": 0}], window=1,
            costs=Costs(Commission(2e-4), Slippage(0.0)),
        )  # fmt: skip
        made = ou(bars, seed)
        return build_game(env, market=made.market, usable=("levels",), **scaler), made

    game, made = game_at(1, 30_000)
    task = TrainTask(game, settings_of(**switch), seed=1, steps=200_000)
    policy = train(task).policy
    fresh, made = game_at(1001, 20_001, scaler=game.scaler)
    best = dp_optimal(made.law, cost=2e-4, points=401)
    first = 1000 * np.arange(19)
    states = made.law.states(made.market, 401)
    follow = np.stack([best.follow(states[at : at + 1000]) for at in first], axis=1)
    earned = []
    for orders in (None, follow):
        engine = fresh.make_engine(19)
        engine.reset(np.arange(19), first, first + 1000)
        total = 0.0
        for row in range(1000):
            wanted = fresh.scheme.targets(policy.predict(engine.observations)[0])
            total += engine.step(wanted if orders is None else orders[row, :, None]).simple_return
        earned.append(total.mean())
    assert earned[0] > 0.95 * earned[1]


def traded_on_noise(prior: float) -> tuple[float, float]:
    """Costs on fresh noise, of those of changing sides in every bar; t value of the mean return."""

    def game_at(seed, bars, **scaler):
        columns = [f"x{i}" for i in range(8)]
        rng = np.random.default_rng(seed)
        close = 100 * np.cumprod(1 + 1e-3 * rng.standard_normal(bars))
        opened = np.r_[close[0], close[:-1]]
        market = Market.build(
            close, open=opened, high=np.maximum(opened, close), low=np.minimum(opened, close),
            columns={name: rng.standard_normal(bars) for name in columns},
        )  # fmt: skip
        env = EnvSettings(
            features=[{"column": name, "lag": 0} for name in columns], window=16,
            costs=Costs(Commission(5e-4), Slippage(0.0)),
        )  # fmt: skip
        return build_game(env, market=market, usable=("levels",), **scaler)

    game = game_at(1, 2000)
    policy = train(TrainTask(game, settings_of(prior=prior), seed=1, steps=300_000)).policy
    fresh = game_at(2, 5000, scaler=game.scaler)
    engine, first = fresh.make_engine(8), fresh.first_decision + 600 * np.arange(8)
    engine.reset(np.arange(8), first, first + 600)
    returns, costs = [], []
    for _ in range(600):
        step = engine.step(fresh.scheme.targets(policy.predict(engine.observations)[0]))
        returns.append(step.simple_return)
        costs.append(step.costs / step.equity_before)
    returns = np.array(returns)
    error = returns.std() / np.sqrt(returns.size) + 1e-12
    return float(np.mean(costs) / 1e-3), float(returns.mean() / error)


def test_noise_in_128_columns_is_not_traded():
    paid, t = traded_on_noise(10_000.0)
    assert paid < 0.1
    assert t < 3
    assert traded_on_noise(0.0)[0] > 0.1  # without the prior the table is known by heart


def test_several_assets_and_an_interval_that_is_too_short():
    game = game_on(walk(assets=2), fill="next_close")
    assert train(TrainTask(game, settings_of(accounts=32), 1, 500)).policy.card.action.scheme == (
        "choices"
    )
    with pytest.raises(UsageError, match="at least 3 bars"):
        table_of(game.within(30, 31))
