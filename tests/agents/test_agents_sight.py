"""Networks see the same whether windows are copied or gathered by the number of their bar."""

import numpy as np
import pytest
import torch
from small_worlds import small_game

from drltrade.agents import AGENTS, TrainTask, parse_agent, train
from drltrade.agents.networks import ENCODERS, OPTIMIZERS, Feed, Sight, sights
from drltrade.agents.settings import EncoderSettings
from drltrade.envs.layout import Layout
from drltrade.errors import UsageError

BARS = 200
SHAPES = [(1, 1), (5, 2), (16, 3)]
PLAIN, DEEP = {}, {"depth": 2, "residual": True, "layer_norm": True}


def pair(name, window, columns, variant):
    """The same weights twice: one Sight is fed, the other sees whole observations."""
    layout = Layout(window, ("A",), tuple(f"f{i}" for i in range(columns)), ("drawdown",))
    torch.manual_seed(0)
    if name == "transformer":
        variant = {key: value for key, value in variant.items() if key == "depth"}
    if name != "mlp" or variant:
        variant = variant | {"size": 8}
    settings = EncoderSettings(name=name, **variant)
    fed, whole = Sight(layout, settings), Sight(layout, settings)
    whole.load_state_dict(fed.state_dict())
    feed = Feed(np.random.default_rng(0).standard_normal((BARS, 1, columns)).astype(np.float32))
    fed.feed(feed)
    return fed, whole, feed


def both(feed, window, count=64):
    """The same observations by number and whole, with repeated bars."""
    bars = torch.randint(window - 1, BARS, (count,))
    account = torch.randn(count, 2)
    index = torch.cat([bars[:, None].float(), account], 1)
    return index, torch.cat([feed.windows(bars, window).flatten(1), account], 1)


@pytest.mark.parametrize("variant", [PLAIN, DEEP], ids=["plain", "deep"])
@pytest.mark.parametrize(("window", "columns"), SHAPES)
@pytest.mark.parametrize("name", ENCODERS)
def test_index_observations_give_the_same_vectors_and_gradients(name, window, columns, variant):
    fed, whole, feed = pair(name, window, columns, variant)
    index, windows = both(feed, window)
    weight = torch.randn(64, fed.size)
    torch.testing.assert_close(fed(index), whole(windows), rtol=1e-4, atol=1e-5)
    for sight, seen in ((fed, index), (whole, windows)):
        if sight.encoder_size == window * columns and name == "mlp" and not variant:
            return  # nothing to learn
        (sight(seen) * weight).sum().backward()
    for mine, theirs in zip(fed.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_remembered_is_forgotten_when_weights_change(name):
    fed, whole, feed = pair(name, 5, 2, {"depth": 1})
    for _ in range(3):
        with torch.no_grad():
            for mine, theirs in zip(fed.parameters(), whole.parameters(), strict=True):
                mine.mul_(1.1)
                theirs.mul_(1.1)
            for _ in range(5):  # often enough that all bars are encoded and kept
                index, windows = both(feed, 5)
                torch.testing.assert_close(fed(index), whole(windows), rtol=1e-4, atol=1e-5)


def test_a_bar_that_nobody_sees_leaves_no_mark():
    fed, _, feed = pair("cnn", 5, 2, {})
    index, _ = both(feed, 5)
    expected = fed(index).detach()
    feed.rows[int(index[:, 0].max()) + 1 :] = 1e6
    feed.rows[: int(index[:, 0].min()) - 4] = 1e6
    torch.testing.assert_close(fed(index).detach(), expected)


@pytest.mark.parametrize("name", ["ppo", "dqn", "reinforce"])
def test_training_by_index_learns_what_copied_windows_learn(name):
    game = small_game(bars=300, usable=AGENTS[name].usable_schemes(1))
    settings = parse_agent({"name": name, "accounts": 16})
    weights = [
        train(TrainTask(game, settings, seed=3, steps=1000, indexed=indexed)).policy.network
        for indexed in (True, False)
    ]
    mine, theirs = (network.state_dict() for network in weights)
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def _admitted():
    for agent in AGENTS:
        for encoder in ENCODERS:
            try:
                yield agent, parse_agent({"name": agent, "encoder": encoder, "accounts": 8})
            except UsageError:
                assert agent == "ars"  # it draws every weight at random: mlp or linear


@pytest.mark.parametrize(
    ("agent", "settings"), [pytest.param(*each, id=f"{each[0]}-{each[1].encoder.name}")
                            for each in _admitted()],
)  # fmt: skip
def test_every_agent_trains_with_every_encoder_it_admits(agent, settings):
    game = small_game(bars=160, usable=AGENTS[agent].usable_schemes(1))
    policy = train(TrainTask(game, settings, seed=1, steps=160)).policy
    found = list(sights(policy.network))
    assert found
    seen = np.zeros((3, game.layout.size), np.float32)
    actions, _ = policy.predict(seen)
    assert len(actions) == 3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_moves_weights_and_l1_pulls_them_to_zero(name):
    from drltrade.agents.networks import optimizer_class
    from drltrade.agents.settings import OptimizerSettings

    def after(l1, slope=0.0):
        weight = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
        optimizer = optimizer_class(OptimizerSettings(name=name, l1=l1), 0.5)([weight], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (slope * weight.sum()).backward()
            optimizer.step()
        return weight.detach()

    assert (after(0.0, slope=1.0) < torch.tensor([1.0, -1.0])).all()
    assert (after(0.1).abs() < after(0.0).abs()).all()


def test_the_gradient_is_cut_before_the_penalty_is_added():
    from drltrade.agents.networks import optimizer_class
    from drltrade.agents.settings import OptimizerSettings

    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = optimizer_class(OptimizerSettings(name="sgd", l1=0.5), 1.0)([weight], lr=1.0)
    (weight.square().sum() / 2).backward()  # the gradient is the weight, of length 5
    optimizer.step()
    # Cut to (.6, .8), then .5 for each weight: (3 - 1.1, 4 - 1.3).
    torch.testing.assert_close(weight.detach(), torch.tensor([1.9, 2.7]))
