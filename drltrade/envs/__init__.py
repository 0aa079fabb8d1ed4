"""The rules of the game: actions, rewards, observations, and the faces of the engine."""

from drltrade.envs.actions import SCHEMES, ActionScheme
from drltrade.envs.game import Game, build_game
from drltrade.envs.layout import Layout
from drltrade.envs.make import make_env, make_vec_env, register
from drltrade.envs.rewards import PENALTIES, REWARDS, Reward, make_reward
from drltrade.envs.settings import ActionSettings, EnvSettings, read_env
from drltrade.envs.single import TradingEnv
from drltrade.envs.vector import VectorTradingEnv

__all__ = [
    "PENALTIES",
    "REWARDS",
    "SCHEMES",
    "ActionScheme",
    "ActionSettings",
    "EnvSettings",
    "Game",
    "Layout",
    "Reward",
    "TradingEnv",
    "VectorTradingEnv",
    "build_game",
    "make_env",
    "make_reward",
    "make_vec_env",
    "read_env",
    "register",
]

register()
