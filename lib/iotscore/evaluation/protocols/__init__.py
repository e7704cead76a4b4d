"""Evaluation that cannot fool us: what fits sees no label, and figures say what they rest on."""
