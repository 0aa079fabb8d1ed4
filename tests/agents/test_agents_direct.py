"""direct sees and owns what the environment says, and climbs the gradient of what it earns."""

import numpy as np
import pytest
import torch
from torch import nn

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.agents.direct import build_network, rollout
from drltrade.agents.direct_objectives import OBJECTIVES, Objective, objective_of
from drltrade.agents.direct_stage import Stage, target_weights
from drltrade.agents.settings import DirectSettings
from drltrade.data import Market
from drltrade.envs import ActionScheme, EnvSettings, build_game
from drltrade.envs.rewards import DifferentialSharpe, mean_variance
from drltrade.errors import UsageError
from drltrade.sim import EXTRAS

OPTIMUM = 0.6401e-3


def walk(assets: int, bars: int = 400, seed: int = 0) -> Market:
    """Opens, highs and lows of their own, so that every price of a bar matters."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(0.02 * rng.standard_normal((bars, assets)), axis=0))
    opened = close * np.exp(0.01 * rng.standard_normal((bars, assets)))
    high = np.maximum(opened, close) * 1.01
    return Market.build(close, open=opened, high=high, low=np.minimum(opened, close) * 0.99)


def game_on(market: Market, scheme: str = "continuous", **settings):
    fields = {"features": ["log_return"], "window": 3, "actions": scheme} | settings
    return build_game(EnvSettings(**fields), market=market)


def codes_of(game, bars):
    """The windows themselves, as an encoder without layers hands them on: [H, B, W * N * F]."""
    rows = torch.tensor(game.features.values).flatten(1)
    reach = torch.arange(1 - game.layout.window, 1)
    return rows[(bars[:, :, None] + reach).flatten()].view(*bars.shape, -1)


class Step:
    """What rewards read, from a table of growth."""

    def __init__(self, growth):
        self.simple_return = growth - 1.0


# --- what it sees and does is what the environment's accounts see and do


@pytest.mark.parametrize("assets", [1, 3])
@pytest.mark.parametrize("scheme", ["continuous", "portfolio"])
@pytest.mark.parametrize("leverage", [1.0, 1.7])
def test_its_target_weights_are_those_of_the_scheme(assets, scheme, leverage):
    scheme = ActionScheme(scheme, assets, (-0.5, 0.0, 1.0), leverage)
    actions = np.random.default_rng(0).uniform(-1, 1, (50, assets))
    mine = target_weights(scheme, torch.tensor(actions)).numpy()
    np.testing.assert_allclose(mine, scheme.targets(actions), rtol=0, atol=1e-15)


@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize(("assets", "scheme"), [(1, "continuous"), (2, "portfolio")])
def test_it_sees_what_the_public_observation_shows_along_a_path(fill, assets, scheme):
    game = game_on(
        walk(assets), scheme, fill=fill, account=EXTRAS, leverage=1.5,
        carry={"borrow": 0.05, "debit": 0.05},
    )  # fmt: skip
    network = build_network(DirectSettings(), game.layout, game.action_space)
    nn.init.normal_(network.heads[-1].weight)  # an untrained policy stays where it is
    stage = Stage(game, 5, 60, seed=1, device="cpu")
    bars, _ = stage.begin()
    engine = game.make_engine(5)
    first = bars[0].numpy()
    engine.reset(np.arange(5), first, first + 60)
    for at, code in enumerate(codes_of(game, bars)):
        seen = torch.cat([code, stage.columns()], 1)
        assert seen.dtype == torch.float32
        np.testing.assert_allclose(seen, engine.observations, rtol=0, atol=1e-5, err_msg=str(at))
        action, _ = network.predict(engine.observations)
        np.testing.assert_allclose(network(seen).detach(), action, rtol=0, atol=1e-5)
        stage.step(torch.tensor(action))
        step = engine.step(game.scheme.targets(action))
        np.testing.assert_allclose(stage.account.equity, step.equity, rtol=1e-9)
    assert np.ptp(engine.observations[:, -game.layout.size + game.layout.window_size :]) > 0.1


def test_accounts_stay_inside_their_stretch_and_episode():
    market = walk(1, bars=300)
    segment = np.repeat([0, 1, 2], [30, 120, 150])
    market = Market.build(
        market.close, open=market.open, high=market.high, low=market.low, segment=segment
    )
    game = game_on(market, episode=50)
    stage = Stage(game, 64, 16, seed=0, device="cpu")
    reach = {tuple(span) for span in game.stretches}
    since, starts = np.zeros(64, int), 0
    for _ in range(40):
        bars, anew = stage.begin()
        starts += anew.sum()
        since[anew] = 0
        since += 16
        assert since.max() <= 50
        for column in bars.T.numpy():
            low, high = column[0], column[-1] + 1
            assert any(first <= low and high <= last for first, last in reach)
        for _ in range(16):
            stage.step(torch.zeros(64, 1))
    assert starts > 64


def test_an_episode_shorter_than_a_rollout_shortens_the_rollout():
    assert Stage(game_on(walk(1), episode=10), 4, 32, seed=0, device="cpu").horizon == 10


def test_a_trained_network_earns_in_the_environment_what_it_earned_on_the_stage(game_of):
    game = game_of("direct", bars=2000)
    policy = train(TrainTask(game, DirectSettings(accounts=64), seed=1, steps=60_000)).policy
    stage = Stage(game, 32, 200, seed=5, device="cpu")
    bars, _ = stage.begin()
    with torch.no_grad():
        growth = rollout(policy.network.heads, codes_of(game, bars), stage).numpy()
    engine = game.make_engine(32)
    first = bars[0].numpy()
    engine.reset(np.arange(32), first, first + 200)
    for row in growth:
        action, _ = policy.predict(engine.observations)
        step = engine.step(game.scheme.targets(action))
        np.testing.assert_allclose(step.equity / step.equity_before, row, rtol=0, atol=1e-6)


# --- gradients


def linear_policy(game, seed=0):
    heads = nn.Linear(game.layout.size, 1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        heads.weight.normal_(0, 0.4, generator=generator)
        heads.bias.fill_(0.1)
    return heads


def test_its_gradient_is_the_finite_difference_of_what_is_earned():
    game = game_on(walk(1), carry={"borrow": 0.03})
    heads = linear_policy(game)

    def growth():
        stage = Stage(game, 7, 12, seed=3, device="cpu")
        bars, _ = stage.begin()
        return rollout(heads, codes_of(game, bars).double(), stage).log().sum()

    growth().backward()
    with torch.no_grad():
        for at in range(heads.weight.shape[1]):
            ends = []
            for move in (1e-3, -2e-3):
                heads.weight[0, at] += move
                ends.append(growth().item())
            heads.weight[0, at] += 1e-3
            # The account's columns are float32, so steps cannot be smaller.
            slope = (ends[0] - ends[1]) / 2e-3
            assert heads.weight.grad[0, at].item() == pytest.approx(slope, rel=2e-2, abs=1e-4)


def test_reinforce_and_direct_agree_on_the_mean_gradient():
    """Both estimate the gradient of the same mean, one by luck in the compiled ledger, one by paths
    in the differentiable one: E[G grad log pi] and E[grad G] under a Gaussian action.
    """
    noise, bars_played, accounts, rounds = 0.5, 3, 5000, 8
    game = game_on(walk(1, bars=60), window=1, episode=bars_played, fill="next_open")
    heads = linear_policy(game)
    by_path, by_luck = [], []
    for index in range(rounds):
        torch.manual_seed(index)
        stage = Stage(game, accounts, bars_played, seed=index, device="cpu")
        bars, _ = stage.begin()
        codes = codes_of(game, bars).double()
        growth = rollout(heads, codes, stage, action_noise=noise).log().sum(0).mean()
        by_path.append(flat_gradient(growth, heads))
        by_luck.append(score_function_gradient(game, heads, codes, bars[0].numpy(), noise))
    path, luck = torch.stack(by_path), torch.stack(by_luck)
    gap = (path - luck).mean(0)
    error = (path - luck).std(0) / rounds**0.5
    assert (gap.abs() < 4.5 * error).all(), (path.mean(0), luck.mean(0), error)
    # The interval is narrow enough to tell: a gradient of nothing, or of half, is outside.
    assert (path.mean(0).abs() > 6 * error).any()


def score_function_gradient(game, heads, codes, first, noise):
    """E[sum_t grad log N(u_t; mean_t, noise) (G_t - b_t)], G_t what is earned from t on."""
    accounts, bars_played = len(first), len(codes)
    engine = game.make_engine(accounts)
    engine.reset(np.arange(accounts), first, first + bars_played)
    rng = np.random.default_rng(first[:9])
    scores, rewards = [], []
    for code in codes:
        column = torch.tensor(engine.observations[:, -1:]).double()
        mean = heads(torch.cat([code, column], 1))
        drawn = mean.detach() + noise * torch.tensor(rng.standard_normal((accounts, 1)))
        scores.append(-((drawn - mean) ** 2).squeeze(1) / (2 * noise**2))
        step = engine.step(game.scheme.targets(torch.tanh(drawn).numpy()))
        rewards.append(torch.tensor(np.log(step.equity / step.equity_before)))
    togo = torch.stack(rewards).flip(0).cumsum(0).flip(0)
    baseline = torch.stack([mean_of_group(row, first) for row in togo])
    loss = (torch.stack(scores) * (togo - baseline)).sum(0).mean()
    return flat_gradient(loss, heads)


def flat_gradient(value, heads):
    return torch.cat([g.flatten() for g in torch.autograd.grad(value, [*heads.parameters()])])


def mean_of_group(values, first):
    """The mean of the other accounts that started at the same bar."""
    _, group = np.unique(first, return_inverse=True)
    group = torch.tensor(group)
    total = torch.zeros(int(group.max()) + 1, dtype=values.dtype).index_add(0, group, values)
    count = torch.bincount(group)
    return (total[group] - values) / (count[group] - 1).clamp(min=1)


def test_gamma_damps_the_gradient_that_passes_a_bar_and_nothing_else():
    game = game_on(walk(1), episode=3)
    growths, slopes = [], []
    for gamma in (0.0, 0.5, 1.0):
        stage = Stage(game, 6, 3, seed=3, device="cpu")
        bars, _ = stage.begin()
        codes = codes_of(game, bars).double()
        heads = [linear_policy(game) for _ in codes]  # one a bar, so that their gradients part
        growth = []
        for code, head in zip(codes, heads, strict=True):
            seen = torch.cat([code, stage.columns().double()], 1)
            growth.append(stage.step(torch.tanh(head(seen)), gamma))
        growth[-1].log().sum().backward()
        growths.append(torch.stack(growth).detach())
        slopes.append([head.bias.grad.item() for head in heads])
    torch.testing.assert_close(growths[0], growths[2], rtol=1e-12, atol=0)
    none, half, whole = slopes
    assert none[:2] == [0.0, 0.0]
    assert abs(whole[0]) > 1e-6
    # The bar before the last is one bar away from what is earned, the first one two.
    expected = [whole[0] / 4, whole[1] / 2, whole[2]]
    assert half == pytest.approx(expected, rel=1e-9)
    assert none[2] == pytest.approx(whole[2], rel=1e-12)


# --- objectives


def test_each_objective_equals_the_reward_of_its_name():
    growth = 1 + 0.01 * np.random.default_rng(1).standard_normal((30, 4))
    table = torch.tensor(growth)
    assert Objective("log_wealth", 4, 2.0)(table).item() == pytest.approx(2 * np.log(growth).mean())
    averse = mean_variance(Step(growth)).mean()
    assert Objective("mean_variance", 4, 3.0)(table).item() == pytest.approx(3 * averse)
    returns = growth - 1
    sharpe = returns.mean() / returns.std(ddof=1)
    assert Objective("sharpe", 4, 9.0)(table).item() == pytest.approx(sharpe)
    reward = DifferentialSharpe()
    reward.reset(np.arange(4))
    rewards = np.stack([reward(Step(row)) for row in growth])
    objective = Objective("differential_sharpe", 4, 9.0)
    first = objective.differential_sharpe(table[:10] - 1)
    second = objective.differential_sharpe(table[10:] - 1)  # it remembers
    np.testing.assert_allclose(torch.cat([first, second]), rewards, rtol=1e-9, atol=1e-12)


def test_the_differential_sharpe_has_the_slope_of_the_paper():
    objective = Objective("differential_sharpe", 1, 1.0)
    mean, square = 0.002, 0.0005
    objective.moments = torch.tensor([[mean], [square]], dtype=torch.float64)
    now = torch.tensor([[0.01]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(objective.differential_sharpe(now).sum(), now)
    # dD / dR = (B - A R) / (B - A^2)^(3/2), Moody & Saffell 2001
    assert slope.item() == pytest.approx((square - mean * 0.01) / (square - mean**2) ** 1.5)


def test_an_account_that_starts_anew_forgets_its_moments():
    objective = Objective("differential_sharpe", 2, 1.0)
    objective(torch.tensor([[1.01, 1.02], [0.99, 1.03]], dtype=torch.float64))
    objective.restart(np.array([True, False]))
    assert (objective.moments[:, 0] == 0).all()
    assert (objective.moments[:, 1] > 0).all()


@pytest.mark.parametrize(
    ("chosen", "reward", "expected"),
    [
        (None, "log_return", "log_wealth"),
        (None, "mean_variance", "mean_variance"),
        (None, {"differential_sharpe": 0.5}, "differential_sharpe"),
        ("sharpe", "log_return", "sharpe"),
        ("mean_variance", {"log_return": 1.0}, "mean_variance"),
        ("mean_variance", "mean_variance", "mean_variance"),
    ],
)
def test_the_reward_decides_the_objective_unless_it_is_the_default(chosen, reward, expected):
    assert objective_of(chosen, reward) == expected


@pytest.mark.parametrize(
    ("chosen", "reward", "said"),
    [
        (None, {"log_return": 1.0, "drawdown_change": -0.1}, "does not have"),
        (None, "cvar", "does not have.*objective: log_wealth"),
        (None, lambda step: step.log_return, "<lambda>"),
        ("sharpe", "mean_variance", "objective is sharpe.*reward is mean_variance"),
    ],
)
def test_any_other_reward_is_refused_with_the_reason(chosen, reward, said):
    with pytest.raises(UsageError, match=said):
        objective_of(chosen, reward)


def test_a_game_that_has_no_gradient_is_refused_before_training(game_of):
    game = game_of("direct", bars=600, reward={"log_return": 1.0, "turnover": -0.01})
    with pytest.raises(UsageError, match="direct follows gradients"):
        train(TrainTask(game, DirectSettings(accounts=8), seed=1, steps=100))


# --- training


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_it_learns_to_trade_under_every_objective(objective, game_of, mean_return):
    game = game_of("direct")
    settings = DirectSettings(objective=objective)
    policy = train(TrainTask(game, settings, seed=1, steps=250_000)).policy
    fresh = game_of("direct", seed=2, bars=3000, scaler=game.scaler)
    assert mean_return(policy, fresh) > 0.9 * OPTIMUM


def test_it_stops_when_patience_is_spent(game_of):
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0])
    task = TrainTask(
        game_of("direct", bars=600), DirectSettings(accounts=8, patience=3), seed=1, steps=20_000
    )
    result = train(task, score=lambda policy: next(scores))
    assert [score for _, score in result.history] == [0.1, 0.5, 0.4, 0.3, 0.2]
    assert result.best_score == 0.5
    assert result.steps < 12_000


def test_windows_that_are_copied_train_the_same_policy(game_of):
    game = game_of("direct", bars=600)
    settings = DirectSettings(accounts=16, encoder={"name": "mlp", "depth": 1, "size": 8})
    weights = []
    for indexed in (True, False):
        task = TrainTask(game, settings, seed=2, steps=3000, indexed=indexed)
        weights.append(train(task).policy.network.state_dict())
    for name, weight in weights[0].items():
        torch.testing.assert_close(weight, weights[1][name], rtol=0, atol=1e-3)


@pytest.mark.parametrize("noises", [{}, {"action_noise": 0.3, "feature_noise": 0.1}])
def test_it_acts_without_the_noise_and_the_dropout_that_it_trains_with(game_of, noises):
    encoder = {"name": "mlp", "depth": 1, "dropout": 0.5}
    settings = DirectSettings(accounts=16, encoder=encoder, **noises)
    policy = train(TrainTask(game_of("direct", bars=600), settings, seed=2, steps=2000)).policy
    observation = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    once, _ = policy.predict(observation)
    again, _ = policy.predict(observation, deterministic=False)
    assert np.array_equal(once, again)
    assert np.abs(once).max() <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_it_writes_its_scalars(game_of, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    task = TrainTask(
        game_of("direct", bars=600), AGENTS["direct"].settings(accounts=8), 1, 3000,
        log_dir=tmp_path,
    )  # fmt: skip
    train(task)
    names = set(EventAccumulator(str(tmp_path)).Reload().Tags()["scalars"])
    mine = {"objective", "gradient_norm", "learning_rate"}
    assert {f"train/{name}" for name in mine} | {"reward/log_return"} <= names
