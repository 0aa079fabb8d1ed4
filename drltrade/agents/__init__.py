"""Algorithms that learn, policies that act, strategies written by rule."""
