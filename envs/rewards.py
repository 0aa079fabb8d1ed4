"""A custom reward: growth, less a tenth of every new depth below the peak.

Name it in an environment's YAML as `reward: envs/rewards.py:careful`.
"""

import numpy as np


def careful(step):
    """Log growth of equity less a tenth of the rise of its drawdown, one number an account."""
    return np.log(step.equity / step.equity_before) - 0.1 * step.drawdown_change
