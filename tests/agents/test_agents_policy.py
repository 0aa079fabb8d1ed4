"""A policy is saved without pickle, loads identically anywhere, and refuses what is not its own."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from drltrade.agents import AGENTS, TrainTask, load_policy, train
from drltrade.data import Market
from drltrade.envs import EnvSettings, build_game
from drltrade.errors import DrltradeError, UsageError
from drltrade.features import Scaler

OBSERVATIONS = np.random.default_rng(0).standard_normal((64, 2)).astype(np.float32)


@pytest.mark.parametrize("name", AGENTS)
def test_a_policy_survives_saving_bit_for_bit(name, quick_policy, tmp_path):
    policy = quick_policy(name)
    loaded = load_policy(policy.save(tmp_path / "run"))
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "policy.json",
        "policy.safetensors",
    ]
    assert loaded.card == policy.card
    first, second = policy.network.state_dict(), loaded.network.state_dict()
    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)
    expected, _ = policy.predict(OBSERVATIONS)
    actual, _ = loaded.predict(OBSERVATIONS)
    assert np.array_equal(actual, expected)
    assert actual.dtype == expected.dtype


@pytest.mark.slow
def test_a_fresh_process_predicts_identically_under_another_hash_seed(quick_policy, tmp_path):
    np.save(tmp_path / "obs.npy", OBSERVATIONS)
    for name in AGENTS:
        quick_policy(name).save(tmp_path / name)
    code = (
        "import sys, numpy as np; from drltrade.agents import load_policy\n"
        "folder, out, *names = sys.argv[1:]; obs = np.load(f'{folder}/obs.npy')\n"
        "loaded = {n: load_policy(f'{folder}/{n}').predict(obs)[0] for n in names}\n"
        "np.savez(f'{folder}/{out}.npz', **loaded)"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), hash_seed, *AGENTS],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )
        for hash_seed in ("1", "2")
    ]
    assert [run.wait() for run in runs] == [0, 0]
    for hash_seed in ("1", "2"):
        actions = np.load(tmp_path / f"{hash_seed}.npz")
        for name in AGENTS:
            assert np.array_equal(actions[name], quick_policy(name).predict(OBSERVATIONS)[0])


@pytest.mark.parametrize("name", AGENTS)
def test_predict_follows_sb3s_signature(name, quick_policy):
    policy = quick_policy(name)
    space = policy.card.action.space()
    batch, state = policy.predict(OBSERVATIONS, None, np.ones(64, bool), deterministic=True)
    one, _ = policy.predict(OBSERVATIONS[0])
    assert (state is None) == (name != "recurrent_ppo")
    assert batch.shape == (64, *space.shape)
    assert space.contains(np.asarray(one, space.dtype))
    assert np.allclose(one, batch[0], atol=1e-6)
    assert np.array_equal(policy.predict(OBSERVATIONS)[0], batch)


@pytest.mark.parametrize("name", ["ppo", "reinforce"])
def test_a_policy_draws_only_when_asked(name, quick_policy):
    policy = quick_policy(name)
    many = np.zeros((500, 2), np.float32)
    assert len(np.unique(policy.predict(many)[0])) == 1
    assert len(np.unique(policy.predict(many, deterministic=False)[0])) > 1


def test_an_observation_of_the_wrong_width_is_refused(quick_policy):
    with pytest.raises(UsageError, match=r"shape \(3,\); this policy takes \[2\]"):
        quick_policy("ppo").predict(np.zeros(3, np.float32))


def test_the_card_says_what_was_trained_on_what(game_of):
    game = game_of("ppo", bars=600).between("2000-02-01", "2001-06-29")
    policy = train(TrainTask(game, AGENTS["ppo"].settings(accounts=16), 9, 600)).policy
    card = policy.card
    assert card.fingerprint == game.market.fingerprint
    assert card.train == (("2000-02-01T00:00:00", "2001-06-29T00:00:00"),)
    assert card.action.scheme == "levels"
    assert card.observation.features == ("signal_lag_0",)
    assert card.env["fill"] == "next_open"
    assert card.env["costs"]["commission"]["rate"] == 5e-4
    assert card.seed == 9
    assert Scaler.from_dict(card.scaler).center.tolist() == game.scaler.center.tolist()
    assert {"torch", "stable-baselines3", "drltrade", "threads"} <= set(card.versions)


def test_default_features_are_written_out_by_name():
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(400)))
    market = Market.build(close, open=close, high=close * 1.01, low=close * 0.99, volume=close)
    game = build_game(EnvSettings(), market=market)
    policy = train(TrainTask(game, AGENTS["a2c"].settings(accounts=8), 1, 100)).policy
    again = policy.game(market)
    assert policy.card.env["features"] is not None
    assert again.layout == game.layout
    assert np.array_equal(again.features.values, game.features.values, equal_nan=True)


def test_the_game_on_fresh_bars_keeps_the_frozen_scaler(quick_policy, game_of, tmp_path):
    policy = load_policy(quick_policy("dqn").save(tmp_path))
    fresh = game_of("dqn", seed=8, bars=300).market
    game = policy.game(fresh, overrides={"costs": {"commission": {"rate": 0.002}}})
    assert game.scaler.center.tolist() == policy.card.scaler["center"]
    assert game.rules.costs.commission.rate == 0.002
    assert game.rules.costs.slippage.rate == 5e-4
    assert game.scheme.name == "levels"
    assert game.between("2000-06-01", None).first > game.first


@pytest.mark.parametrize("name", ["window", "features", "actions", "scaler", "account"])
def test_what_the_policy_sees_and_does_cannot_be_overridden(name, quick_policy):
    with pytest.raises(UsageError, match=rf"env.{name}' cannot be changed"):
        quick_policy("dqn").game(overrides={name: 3})


def test_another_number_of_assets_is_refused(quick_policy):
    close = np.full((50, 2), 10.0) + np.arange(50)[:, None]
    market = Market.build(close, open=close, high=close, low=close, columns={"signal": close})
    with pytest.raises(UsageError, match="asset"):
        quick_policy("dqn").game(market)


def test_a_feature_plugin_must_be_the_one_it_was_trained_with(game_of, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def slope(market):\n    return market.columns['signal']\n")
    env = EnvSettings(features=["mine.py:slope"], window=1)
    market = game_of("a2c", bars=300).market
    game = build_game(env, market=market, roots=(tmp_path,))
    policy = train(TrainTask(game, AGENTS["a2c"].settings(accounts=8), 1, 100)).policy
    assert set(policy.card.plugins) == {"mine.py:slope"}
    assert policy.game(market).layout == game.layout
    file.write_text("def slope(market):\n    return -market.columns['signal']\n")
    with pytest.raises(UsageError, match=r"'mine.py:slope' has changed since"):
        policy.game(market)


def _missing_card(folder):
    (folder / "policy.json").unlink()


def _missing_weights(folder):
    (folder / "policy.safetensors").unlink()


def _not_json(folder):
    (folder / "policy.json").write_text("{")


def _binary(folder):
    (folder / "policy.json").write_bytes(b"\xff\xfe\x00")


def _foreign(folder):
    (folder / "policy.json").write_text('{"a": 1}')


def _list(folder):
    (folder / "policy.json").write_text("[]")


def _change(**values):
    def spoil(folder):
        file = folder / "policy.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    return spoil


def _no_seed(folder):
    file = folder / "policy.json"
    content = json.loads(file.read_text())
    del content["seed"]
    file.write_text(json.dumps(content))


def _flipped_byte(folder):
    file = folder / "policy.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


def _empty_weights(folder):
    (folder / "policy.safetensors").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_missing_card, "There is no policy in"),
        (_missing_weights, "weights are missing"),
        (_not_json, "not JSON"),
        (_binary, "not JSON"),
        (_foreign, "not a policy card"),
        (_list, "not a policy card"),
        (_change(schema_version=99), "schema version 99; this drltrade reads version 2"),
        (_change(agent="genius"), "trained by 'genius'"),
        (_change(surprise=1), "Unknown key 'surprise'"),
        (_change(seed="seven"), "seed"),
        (_change(settings={"name": "ppo", "layers": [8]}), "not those of the network"),
        (_change(settings={"name": "ppo", "depth": 8}), "depth"),
        (_no_seed, "'seed' is missing"),
        (_flipped_byte, "damaged or belongs to another policy"),
        (_empty_weights, "damaged or belongs to another policy"),
    ],
)
def test_a_spoiled_folder_is_answered_in_words(spoil, words, quick_policy, tmp_path):
    folder = quick_policy("ppo").save(tmp_path / "run")
    spoil(folder)
    with pytest.raises(DrltradeError) as caught:
        load_policy(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_answered_in_words(tmp_path):
    with pytest.raises(DrltradeError, match="There is no policy in"):
        load_policy(tmp_path / "nowhere")


def test_loading_draws_no_random_number(quick_policy, tmp_path):
    folder = quick_policy("ppo").save(tmp_path)
    torch.manual_seed(4)
    expected = torch.rand(2)
    torch.manual_seed(4)
    load_policy(folder)
    assert torch.equal(torch.rand(2), expected)


def test_saving_over_an_older_policy_replaces_it(quick_policy, tmp_path):
    quick_policy("ppo").save(tmp_path)
    quick_policy("dqn").save(tmp_path)
    assert load_policy(tmp_path / "policy.json").card.agent == "dqn"
    assert len(list(tmp_path.iterdir())) == 2
