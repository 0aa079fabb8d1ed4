"""States the unit of every TA-Lib function, so that none reaches an agent in raw prices or shares.

An output with price exponent p and volume exponent v is divided by close ** p and by
(mean volume of the last 20 bars) ** v: a price of 10 or of 1,000, a lot of 1 or of 100, give the
same feature. A test multiplies prices and volumes and holds this for every function there is.
"""

from __future__ import annotations

__all__ = ["HIDDEN_PARAMETERS", "REFUSED", "VOLUME_WINDOW", "unit_of"]

VOLUME_WINDOW = 20

_PURE = """
    HT_DCPERIOD HT_DCPHASE HT_SINE HT_TRENDMODE
    DIV
    ADX ADXR AROON AROONOSC BOP CCI CMO CMOU COPPOCK DX ER FOSC FRACTAL IMI KDJ MFI MINUS_DI
    PLUS_DI PPO ROC ROCP ROCR ROCR100 RSI SMI STOCH STOCHF STOCHRSI TRIX TSI ULTOSC VHF VORTEX
    WILLR
    BETA CORREL PERCENTRANK
    CVI MASSI NATR RVI
    CMF PVO RVOL
"""
_PRICE = """
    HT_PHASOR
    ADD MAX MIN MINMAX SUB SUM
    AC AO APO DPO ERI MACD MACDEXT MACDFIX MINUS_DM MOM PLUS_DM QSTICK
    ACCBANDS BBANDS DEMA DONCHIAN EMA HMA HT_TRENDLINE KAMA KC MA MAMA MIDPOINT MIDPRICE RMA SAR
    SAREXT SMA SUPERTREND T3 TEMA TRIMA VWMA WMA ZLEMA
    AVGDEV AVGPRICE HA MEDPRICE TYPPRICE WCLPRICE
    LINEARREG LINEARREG_INTERCEPT LINEARREG_SLOPE PERCENTILE STDDEV TSF
    ADR ATR TRANGE
"""
# (price exponent, volume exponent)
_UNITS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(_PURE.split(), (0, 0)),
    **dict.fromkeys(_PRICE.split(), (1, 0)),
    "MULT": (2, 0),
    "VAR": (2, 0),
    "ADOSC": (0, 1),
    "EFI": (1, 1),
    "MARKETFI": (1, -1),
}
# Outputs whose unit is not that of their function.
_OUTPUT_UNITS: dict[tuple[str, str], tuple[int, int]] = {("SUPERTREND", "trend"): (0, 0)}

_RAW = "its value depends on the currency the price is quoted in"
_CUMULATIVE = "it adds up from the first bar on, so its value depends on where the data start"
REFUSED: dict[str, str] = {
    "ACOS": _RAW,
    "ASIN": _RAW,
    "ATAN": _RAW,
    "CEIL": _RAW,
    "COS": _RAW,
    "COSH": _RAW,
    "EXP": _RAW,
    "FLOOR": _RAW,
    "LN": f"{_RAW}; log_return is its scale-free form",
    "LOG10": f"{_RAW}; log_return is its scale-free form",
    "SIN": _RAW,
    "SINH": _RAW,
    "SQRT": _RAW,
    "TAN": _RAW,
    "TANH": _RAW,
    "LINEARREG_ANGLE": f"{_RAW}; linearreg_slope is its scale-free form",
    "MAXINDEX": "it counts bars from the first one; aroon says how long ago the maximum was",
    "MININDEX": "it counts bars from the first one; aroon says how long ago the minimum was",
    "MINMAXINDEX": "it counts bars from the first one; aroon says how long ago the extremes were",
    "MAVP": "it needs an array of periods; use ma, or a plug-in as path.py:function",
    "CUMSUM": f"{_CUMULATIVE}; sum is the same over a window",
    "AD": f"{_CUMULATIVE}; use adosc or cmf",
    "NVI": f"{_CUMULATIVE}; use mfi or cmf",
    "OBV": f"{_CUMULATIVE}; use mfi, cmf or pvo",
    "PVI": f"{_CUMULATIVE}; use mfi or cmf",
    "PVT": f"{_CUMULATIVE}; use efi or cmf",
    "VWAP": f"{_CUMULATIVE}; vwma is the same over a window",
    "WAD": f"{_CUMULATIVE}; use ultosc or bop",
}
# Parameters that are amounts of money: no setting of them is right at every price.
HIDDEN_PARAMETERS: dict[str, tuple[str, ...]] = {"SAREXT": ("startvalue",)}


def unit_of(function: str, output: str) -> tuple[int, int] | None:
    """Returns the price and volume exponents of one output; None where nobody has stated them.

    Args:
        function: TA-Lib's name in capitals, such as "MACD".
        output: TA-Lib's name of the output, such as "macdsignal".
    """
    if function.startswith("CDL"):
        return (0, 0)
    return _OUTPUT_UNITS.get((function, output), _UNITS.get(function))
