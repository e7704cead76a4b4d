"""deploy/kubernetes: fields that Kubernetes knows, and one set of objects."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from kubernetes_files import KUBERNETES, documents, operator_template

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("1.31", kubernetes_validate.latest_version())
OURS = [one for name in ("access.yaml", "cronjob.yaml") for one in documents(name)]


def pod_of(part: str) -> dict[str, Any]:
    """Return the pod that the Spark operator makes of its driver or executor, as far as we say."""
    template = operator_template()
    container = {
        "name": part,
        "image": template["image"],
        "volumeMounts": template[part]["volumeMounts"],
    }
    spec = {"containers": [container], "volumes": template["volumes"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": part}, "spec": spec}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("one", OURS, ids=lambda one: one["kind"])
def test_kubernetes_knows_every_field(one: dict[str, Any], version: str) -> None:
    """By the strict schemas of its API: nothing misspelt, nothing missing."""
    kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("part", ["driver", "executor"])
def test_the_operator_is_given_volumes_as_of_a_pod(part: str, version: str) -> None:
    """Its own fields have no schema there; those that it copies into pods have."""
    kubernetes_validate.validate(pod_of(part), version, strict=True)


def test_a_misspelt_field_is_found() -> None:
    """At any depth, and of the right name with a wrong value."""
    [cronjob] = documents("cronjob.yaml")
    misspelt, wrong = deepcopy(cronjob), deepcopy(cronjob)
    misspelt["spec"]["jobTemplate"]["spec"]["template"]["spec"]["serviceAcountName"] = "x"
    wrong["spec"]["jobTemplate"]["spec"]["backoffLimit"] = "two"
    for one in (misspelt, wrong):
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(one, VERSIONS[-1], strict=True)


def test_both_ways_on_kubernetes_use_the_same_objects() -> None:
    """Image, service account, volume and Spark are those that access.yaml and Dockerfile make."""
    names = {one["kind"]: one["metadata"]["name"] for one in documents("access.yaml")}
    dockerfile = (KUBERNETES / "Dockerfile").read_text()
    template = operator_template()
    assert f"apache/spark:{template['sparkVersion']}-" in dockerfile
    assert f"pyspark=={template['sparkVersion']}" in (ROOT / "setup.py").read_text()
    [volume] = template["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == names["PersistentVolumeClaim"]
    assert template["driver"]["serviceAccount"] == names["ServiceAccount"]
    [cronjob] = documents("cronjob.yaml")
    text = json.dumps(cronjob)
    assert f'"claimName": "{names["PersistentVolumeClaim"]}"' in text
    assert f"claimName={names['PersistentVolumeClaim']}" in text
    assert f"image={template['image']}" in text
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == names["ServiceAccount"]
