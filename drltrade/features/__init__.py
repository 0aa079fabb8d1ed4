"""Causal columns of a Market, scaled by what the train split knows."""

from drltrade.features.compute import Features, compute_features, default_features
from drltrade.features.scaling import SCALERS, Scaler
from drltrade.features.spec import FeatureSpec, parse_features
from drltrade.features.table import FEATURES, Feature
from drltrade.features.technical import technical_names

__all__ = [
    "FEATURES",
    "SCALERS",
    "Feature",
    "FeatureSpec",
    "Features",
    "Scaler",
    "compute_features",
    "default_features",
    "parse_features",
    "technical_names",
]
