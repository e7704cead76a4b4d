"""How far attackers get: measured now and then, never at night, and not sent to executors."""
