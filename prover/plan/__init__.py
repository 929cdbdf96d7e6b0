"""How a training step is executed: rows grouped into loops and matmuls. No backend in here."""

from prover.plan.fuse import plan
from prover.plan.nest import Plan
from prover.plan.values import NoPlan

__all__ = ["NoPlan", "Plan", "plan"]
