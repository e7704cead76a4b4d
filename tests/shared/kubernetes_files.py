"""The objects of deploy/kubernetes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"


def documents(name: str) -> list[dict[str, Any]]:
    """Return the objects of a YAML file of Kubernetes."""
    text = (KUBERNETES / name).read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def operator_template() -> dict[str, Any]:
    """Return what the Spark operator is told to start."""
    [application] = documents("scheduled.yaml")
    template: dict[str, Any] = application["spec"]["template"]
    return template
