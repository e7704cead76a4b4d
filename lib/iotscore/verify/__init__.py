"""The proof of a warehouse: what the tables say of each other, counted and computed again."""

from iotscore.verify.warehouse import Check, Outcome, verify_warehouse

__all__ = ["Check", "Outcome", "verify_warehouse"]
