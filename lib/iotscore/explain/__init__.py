"""Why a record was flagged: contributions, benign ranges and sentences. Knows no engine."""
