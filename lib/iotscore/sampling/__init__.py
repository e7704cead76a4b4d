"""Which records a model learns from and which it is measured on."""
