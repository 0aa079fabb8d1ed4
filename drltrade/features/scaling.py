"""Scales features by what the given rows know, and by nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import DataError, UsageError, unknown
from drltrade.features.compute import Features
from drltrade.features.rolling import rolling_moments

__all__ = ["CLIP", "SCALERS", "Scaler"]

Floats = NDArray[np.float64]

SCALERS: dict[str, str] = {
    "standard": "mean and standard deviation of the rows it was fitted on",
    "robust": "median and interquartile range / 1.349 of the rows it was fitted on",
    "rolling": "mean and standard deviation of the last `window` rows; fits nothing",
    "none": "leaves the features as they are",
}
CLIP = 10.0
_DEFAULT_WINDOW = 252
# The interquartile range of a standard normal, so that robust and standard agree on one.
_NORMAL_IQR = 1.3489795003921634
# A spread below the resolution of float32 at the column's level is a constant column.
_RESOLUTION = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class Scaler:
    """A frozen map from features to roughly unit spread, the same for train, test and live bars.

    Scaled values are clipped to +-10 spreads, so that one broken bar cannot blow up a network. A
    column that does not vary is centred and not divided.

    Attributes:
        kind: one of SCALERS.
        names: the features it was fitted on, in order.
        center: [N, F] float64; None for "rolling" and "none".
        scale: [N, F] float64, above zero; None as above.
        window: rows that "rolling" looks back over, the current one included; None for the others.
    """

    kind: str
    names: tuple[str, ...]
    center: Floats | None = None
    scale: Floats | None = None
    window: int | None = None

    @classmethod
    def fit(
        cls,
        kind: str,
        features: Features,
        rows: NDArray[np.bool_] | slice,
        window: int = _DEFAULT_WINDOW,
    ) -> Scaler:
        """Learns centre and spread of each column of each asset.

        Args:
            kind: one of SCALERS.
            features: the unscaled features.
            rows: [T] mask or slice of the rows to learn from: the train split. Warm-up rows among
                them are left out.
            window: for "rolling" alone.

        Raises:
            UsageError: an unknown kind or a window below 2.
            DataError: no row is left to learn from.
        """
        if kind not in SCALERS:
            raise unknown("scaler", kind, SCALERS)
        if kind == "none":
            return cls(kind, features.names)
        if kind == "rolling":
            if window < 2:
                raise UsageError(
                    f"The window of the rolling scaler is {window}; it must be 2 or more."
                )
            return cls(kind, features.names, window=int(window))
        wanted = np.zeros(len(features.values), np.bool_)
        wanted[rows] = True
        known = features.values[wanted & features.ready].astype(np.float64)  # [rows, N, F]
        if not len(known):
            raise DataError(
                f"No row to fit the {kind} scaler on: {int(wanted.sum())} bars were given and the"
                f" features need {features.warmup} bars of warm-up. Take a longer train interval."
            )
        if kind == "standard":
            center, scale = known.mean(axis=0), known.std(axis=0)
        else:
            low, center, high = np.quantile(known, [0.25, 0.5, 0.75], axis=0)
            scale = (high - low) / _NORMAL_IQR
        constant = scale <= _RESOLUTION * np.abs(center)
        return cls(kind, features.names, _frozen(center), _frozen(np.where(constant, 1.0, scale)))

    def transform(self, features: Features) -> Features:
        """Returns the scaled features, float32, C-contiguous, clipped to +-10.

        "none" returns them unchanged. "rolling" needs a full window, so its warm-up is longer by
        window - 1 rows.

        Raises:
            UsageError: the features are not those it was fitted on.
            DataError: the rolling window is longer than every segment.
        """
        if features.names != self.names:
            raise UsageError(
                f"The scaler was fitted on the features {', '.join(self.names)}, not on"
                f" {', '.join(features.names)}. Use the features that the policy was trained with."
            )
        if self.kind == "none":
            return features
        if self.window is not None:
            return _roll(features, self.window)
        if self.center is None or self.scale is None:
            raise UsageError(f"The {self.kind} scaler has no centre and scale.")
        if features.values.shape[1:] != self.center.shape:
            raise UsageError(
                f"The scaler was fitted on {self.center.shape[0]} assets, but these features are"
                f" of {features.values.shape[1]}."
            )
        scaled = (features.values - self.center) / self.scale
        return replace(features, values=_clipped(scaled))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain lists and numbers; JSON keeps them to the last bit."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "center": None if self.center is None else self.center.tolist(),
            "scale": None if self.scale is None else self.scale.tolist(),
            "window": self.window,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Scaler:
        """Rebuilds what `to_dict` returned.

        Raises:
            UsageError: a key is missing or a value is not what `to_dict` writes.
        """
        try:
            kind, window = str(content["kind"]), content["window"]
            names = tuple(str(name) for name in content["names"])
            fields = [content["center"], content["scale"]]
            tables = [None if f is None else _frozen(np.array(f, np.float64)) for f in fields]
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"The saved scaler cannot be read: {type(error).__name__} {error}."
            ) from error
        if kind not in SCALERS:
            raise unknown("scaler", kind, SCALERS)
        fitted = kind in ("standard", "robust")
        center, scale = tables
        if fitted and (center is None or scale is None or center.shape != scale.shape):
            raise UsageError(f"The saved {kind} scaler lacks its centre or scale.")
        if center is not None and (center.ndim != 2 or center.shape[1] != len(names)):
            raise UsageError(f"The saved scaler has {len(names)} names for a table {center.shape}.")
        return cls(kind, names, center, scale, None if window is None else int(window))


def _roll(features: Features, window: int) -> Features:
    values = features.values.astype(np.float64)
    scaled = np.full_like(values, np.nan)
    warmup = features.warmup + window - 1
    if all(stop - start <= warmup for start, stop in features.spans):
        raise DataError(
            f"The rolling scaler needs {window} bars after a warm-up of {features.warmup}, more"
            " than the data have. Take more bars or a shorter window."
        )
    for start, stop in features.spans:
        first = start + features.warmup
        rows = values[first:stop]
        mean, squares = rolling_moments(rows, window)
        spread = np.sqrt(squares / window)
        constant = spread <= _RESOLUTION * np.abs(mean)
        scaled[first:stop] = (rows - mean) / np.where(constant, 1.0, spread)
    return replace(features, values=_clipped(scaled), warmup=warmup)


def _clipped(values: Floats) -> NDArray[np.float32]:
    return np.clip(values, -CLIP, CLIP).astype(np.float32)


def _frozen(values: Floats) -> Floats:
    values = np.array(values, np.float64)
    values.setflags(write=False)
    return values
