"""The proof of a warehouse: what the tables say of each other, counted and computed again."""

from iotscore.verify.check import Check, Outcome
from iotscore.verify.warehouse import verify_warehouse

__all__ = ["Check", "Outcome", "verify_warehouse"]
