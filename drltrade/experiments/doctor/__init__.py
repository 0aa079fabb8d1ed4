"""Trains agents on markets whose optimum is known, and tells a broken one from a sound one."""

from __future__ import annotations

from drltrade.experiments.doctor.findings import Diagnosis, Finding
from drltrade.experiments.doctor.markets import CASES, NULLS, QUICK, SKILLS
from drltrade.experiments.doctor.plan import DEFAULT_AGENTS, Visit, plan_visit
from drltrade.experiments.doctor.run import carry_out_visit, run_doctor

__all__ = [
    "CASES",
    "DEFAULT_AGENTS",
    "NULLS",
    "QUICK",
    "SKILLS",
    "Diagnosis",
    "Finding",
    "Visit",
    "carry_out_visit",
    "plan_visit",
    "run_doctor",
]
