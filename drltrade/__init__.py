"""Deep-reinforcement-learning trading research on one honest simulator."""

__version__ = "0.1.0"
