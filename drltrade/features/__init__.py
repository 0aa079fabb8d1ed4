"""Causal columns of a Market, scaled by what the train split knows."""
