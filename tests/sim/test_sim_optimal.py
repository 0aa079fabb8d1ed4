"""Value iteration finds the optima that are published or can be derived by hand."""

import numpy as np
import pytest

from drltrade.data.synthetic import KNOWN, AutoRegression, Chain, HiddenRegimes, Memory, Wave
from drltrade.errors import UsageError
from drltrade.sim.optimal import (
    bertram,
    dp_optimal,
    kelly,
    merton,
    no_trade_band,
    policy_reward,
    two_state_optimum,
)

# de Lataillade et al. 2012, computed apart from this library:
# rho, G, threshold, best mean reward and its error, myopic (threshold G), sign (threshold 0).
LINEAR_COST = [
    (0.9, 0.5, 0.28894, 0.7021, 6e-4, 0.6881, 0.6542),
    (0.9, 1.0, 0.43649, 0.6401, 6e-4, 0.5581, 0.5105),
    (0.9, 2.0, 0.63337, 0.5467, 7e-4, 0.2299, 0.2233),
    (0.5, 1.0, 0.71185, 0.3748, 3e-4, 0.3519, 0.1315),
]
OU = {"rho": 0.93, "gain": -0.07, "deviation": 0.01 / np.sqrt(1 - 0.93**2)}


@pytest.mark.parametrize(("rho", "g", "threshold", "reward", "error", "_", "__"), LINEAR_COST)
def test_the_threshold_and_the_reward_are_those_of_de_lataillade(
    rho, g, threshold, reward, error, _, __
):
    best = dp_optimal(AutoRegression(rho, 1.0), (-1, 1), g)
    assert best.threshold(-1, 1) == pytest.approx(threshold, abs=2e-5)
    assert best.threshold(1, -1) == pytest.approx(-threshold, abs=2e-5)
    assert best.mean_reward == pytest.approx(reward, abs=error)
    assert best.error < 1e-7


@pytest.mark.parametrize(("rho", "g", "_", "best", "__", "myopic", "sign"), LINEAR_COST)
def test_rules_of_thumb_earn_what_they_are_known_to(rho, g, _, best, __, myopic, sign):
    law, points = AutoRegression(rho, 1.0), 1000  # even: no state lies at zero
    signal = law.chain(points).signal

    def earned(threshold):
        """Interpolated between the states around the threshold, where the policy jumps."""
        near = signal[np.searchsorted(signal, threshold) + np.array([-1, 0])]
        rewards = [
            policy_reward(law, (-1, 1), switch_beyond(signal, q), g, points=points)
            for q in near + 1e-9
        ]
        middles = near + (signal[1] - signal[0]) / 2
        return np.interp(threshold, middles, rewards) if threshold else rewards[0]

    assert earned(g) == pytest.approx(myopic, abs=1.5e-3)
    assert earned(0.0) == pytest.approx(sign, abs=1.5e-3)
    assert max(earned(g), earned(0.0)) < best


def switch_beyond(signal, threshold):
    """[S, 2] to +1 above the threshold, to -1 below its negative, else as held."""
    return np.stack([np.where(signal > threshold, 1, 0), np.where(signal < -threshold, 0, 1)], 1)


def test_without_cost_the_sign_earns_the_mean_of_the_absolute_signal():
    best = dp_optimal(AutoRegression(0.9, 1.0), (-1, 0, 1), 0.0)
    assert best.mean_reward == pytest.approx(np.sqrt(2 / np.pi), abs=1e-5)


def test_the_ornstein_uhlenbeck_price_earns_its_known_optimum():
    best = dp_optimal(AutoRegression(**OU), (-1, 0, 1), 0.002)
    assert best.mean_reward == pytest.approx(0.0012710, abs=6e-8)
    assert best.threshold(-1, 1) == pytest.approx(-best.threshold(1, -1), abs=1e-9)
    assert best.threshold(-1, 1) < 0  # buy low


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("flip", [0.02, 0.1, 0.3])
def test_two_states_trade_every_flip_iff_it_pays(discount, flip):
    law = Chain(np.array([[1 - flip, flip], [flip, 1 - flip]]), np.array([-1.0, 1.0]))
    limit = 1 / (1 - discount * (1 - 2 * flip))
    cheap = dp_optimal(law, (-1, 1), 0.999 * limit, discount=discount)
    dear = dp_optimal(law, (-1, 1), 1.001 * limit, discount=discount)
    assert cheap.policy.tolist() == [[0, 0], [1, 1]]
    assert dear.policy.tolist() == [[0, 1], [0, 1]]
    wanted = two_state_optimum(1.0, flip, 0.999 * limit, discount)
    assert cheap.mean_reward == pytest.approx(wanted, abs=1e-8)
    assert wanted == pytest.approx(1 - 2 * flip * 0.999 * limit)
    assert two_state_optimum(1.0, flip, 1.001 * limit, discount) == 0
    assert dear.mean_reward == pytest.approx(0, abs=1e-8)


def test_two_states_without_discount_earn_mu_less_two_q_c():
    law = Chain(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([-1.0, 1.0]))
    for cost in (0.5, 1.5, 4.9):
        wanted = two_state_optimum(1.0, 0.1, cost)
        assert wanted == pytest.approx(1 - 0.2 * cost)
        assert dp_optimal(law, (-1, 0, 1), cost).mean_reward == pytest.approx(wanted, abs=1e-8)
    assert dp_optimal(law, (-1, 0, 1), 5.1).mean_reward == pytest.approx(0, abs=1e-8)


def test_a_chain_earns_the_best_of_all_its_policies():
    """Three states, three levels: every rule (state, held) -> level of a random sample and more."""
    rng = np.random.default_rng(4)
    law = Chain(rng.dirichlet(np.ones(3), 3), np.array([-1.0, 0.2, 1.5]))
    best = dp_optimal(law, (-1, 0, 1), 0.4)
    own = policy_reward(law, (-1, 0, 1), best.policy, 0.4)
    assert own == pytest.approx(best.mean_reward, abs=1e-8)
    others = [policy_reward(law, (-1, 0, 1), rng.integers(0, 3, (3, 3)), 0.4) for _ in range(300)]
    assert max(others) <= best.mean_reward + 1e-9


def test_a_chain_of_blind_coins_pays_one_third_for_a_cue_at_a_cost_of_one():
    """Position and cue move alike at any lag of 1 or more: known in advance is known."""
    for lag in (1, 2, 6):
        assert dp_optimal(Memory(lag, 1.0), (-1, 0, 1), 1.0).mean_reward == pytest.approx(1 / 3)
    assert dp_optimal(Memory(0, 1.0), (-1, 0, 1), 1.0).mean_reward == pytest.approx(0, abs=1e-8)


def test_a_wave_is_held_from_turn_to_turn():
    """Sum of |cos| over a wave, less two trades of two units: none near the turn is worth more."""
    period, cost = 32, 0.5
    steps = np.abs(np.cos(2 * np.pi * (np.arange(period) + 0.5) / period)).sum()
    best = dp_optimal(Wave(period, 1.0), (-1, 1), cost)
    assert best.mean_reward == pytest.approx((steps - 4 * cost) / period, abs=1e-8)


def test_hidden_regimes_earn_less_than_seen_ones_and_more_than_none():
    hidden = dp_optimal(HiddenRegimes(0.02, 0.5, 1.0), (-1, 0, 1), 1.0, points=801)
    seen = 0.5 * (1 - 2 * 0.02) - 2 * 0.02 * 1.0
    assert 0.5 * seen < hidden.mean_reward < seen
    finer = dp_optimal(HiddenRegimes(0.02, 0.5, 1.0), (-1, 0, 1), 1.0, points=1601)
    assert finer.mean_reward == pytest.approx(hidden.mean_reward, rel=1e-4)


def test_noise_and_stale_are_worth_nothing_and_a_trend_its_drift():
    for name in ("noise", "stale"):
        best = dp_optimal(KNOWN[name](50).law, (-1, 0, 1), 1e-4)
        assert best.mean_reward == 0
        assert best.policy.tolist() == [[0, 1, 2]]
    best = dp_optimal(KNOWN["trend"](50).law, (-1, 0, 1), 1e-3)
    assert best.mean_reward == pytest.approx(5e-4, rel=1e-8)
    assert best.policy.tolist() == [[2, 2, 2]]


@pytest.mark.parametrize(
    ("cost", "level", "rate"),
    [(0.1, 0.541693, 0.344502), (0.5, 0.964318, 0.250601), (1.0, 1.264449, 0.179361)],
)
def test_the_spread_trade_is_bertrams(cost, level, rate):
    assert bertram(cost) == (pytest.approx(level, abs=1e-6), pytest.approx(rate, abs=1e-6))


def test_kelly_merton_and_the_band_are_the_textbooks():
    assert kelly(0.6) == (pytest.approx(0.2), pytest.approx(0.020135514, abs=1e-9))
    assert kelly(0.55) == (pytest.approx(0.1), pytest.approx(0.005008367, abs=1e-9))
    assert kelly(0.4) == (0, 0)
    assert merton(0.08, 0.02, 0.2) == (pytest.approx(1.5), pytest.approx(0.065))
    assert no_trade_band(0.6, 0.001) == pytest.approx(0.044208, abs=1e-6)


def test_a_question_that_makes_no_sense_is_refused():
    law = AutoRegression(0.9, 1.0)
    with pytest.raises(UsageError, match="different positions"):
        dp_optimal(law, (1, 1))
    with pytest.raises(UsageError, match="cost is -1"):
        dp_optimal(law, (-1, 1), -1)
    with pytest.raises(UsageError, match="discount is 0"):
        dp_optimal(law, (-1, 1), 1, discount=0)
    with pytest.raises(UsageError, match="is no level"):
        dp_optimal(law, (-1, 1), 1, points=101).threshold(-1, 0.5)
    with pytest.raises(UsageError, match="at most 8"):
        bertram(0)
