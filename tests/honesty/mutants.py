"""Collects every deliberate mistake; `python -m honesty.mutants` (from tests/) prints the list."""

from honesty.mutants_of_envs import ENVS_MUTANTS
from honesty.mutants_of_evidence import EVIDENCE_MUTANTS
from honesty.mutants_of_folds import FOLDS_MUTANTS
from honesty.mutants_of_holding import HOLDING_MUTANTS
from honesty.mutants_of_kernel import KERNEL_MUTANTS
from honesty.mutants_of_limits import LIMITS_MUTANTS
from honesty.mutants_of_orders import ORDERS_MUTANTS
from honesty.mutants_of_prices import PRICES_MUTANTS
from honesty.mutants_of_rewards import REWARDS_MUTANTS
from honesty.mutants_of_segments import SEGMENTS_MUTANTS
from honesty.mutated_library import KERNEL

MUTANTS = (
    *KERNEL_MUTANTS,
    *ORDERS_MUTANTS,
    *LIMITS_MUTANTS,
    *HOLDING_MUTANTS,
    *PRICES_MUTANTS,
    *ENVS_MUTANTS,
    *REWARDS_MUTANTS,
    *EVIDENCE_MUTANTS,
    *SEGMENTS_MUTANTS,
    *FOLDS_MUTANTS,
)
OF_THE_KERNEL = tuple(mutant for mutant in MUTANTS if mutant.file in KERNEL)


def listing() -> str:
    """Each mistake in one line: its file, its name, and the claims that it breaks."""
    lines = []
    for mutant in MUTANTS:
        claims = ", ".join(name.replace("_", " ") for name in mutant.caught_by)
        lines.append(f"{mutant.file}: {mutant.name}\n    breaks: {claims}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(listing())
