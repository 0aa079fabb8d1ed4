"""A policy's record on real bars, judged."""
