"""The detectors: each fits on benign rows, scores any rows and travels as plain arrays."""
