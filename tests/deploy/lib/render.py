"""The manifests as kustomize renders them, and ways to find things in them."""

import functools
import os
import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "deploy/k8s"
TARGETS = ["base", "overlays/staging", "overlays/production"]
KUBECTLS = {"old": os.environ["OLD_KUBECTL"]} | ({"new": os.environ["NEW_KUSTOMIZE"]} if os.environ.get("NEW_KUSTOMIZE") else {})


@functools.cache
def text(folder, age="old"):
    """What kustomize makes of a folder; fails with what it says."""
    run = subprocess.run([KUBECTLS[age], "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise AssertionError(f"{age} kustomize of {folder}: {run.stderr}")
    return run.stdout


def objects(target, age="old"):
    """The objects of one of TARGETS, fresh ones for each caller."""
    return parse(text(K8S / target, age))


def parse(manifests):
    return [document for document in yaml.safe_load_all(manifests) if document]


def of_kind(docs, *kinds):
    return [doc for doc in docs if doc["kind"] in kinds]


def one(docs, kind):
    found = of_kind(docs, kind)
    if len(found) != 1:
        raise AssertionError(f"{len(found)} of {kind} instead of one")
    return found[0]


def name_of(doc):
    return f"{doc['kind']}/{doc['metadata']['name']}"


def pod_template(docs):
    return one(docs, "Deployment")["spec"]["template"]


def pod_spec(docs):
    return pod_template(docs)["spec"]


def containers(docs):
    """Every container, those that run before the service too."""
    spec = pod_spec(docs)
    return spec.get("initContainers", []) + spec["containers"]


def without_digest(docs):
    """The same objects without what two kustomizes may write differently: the digest in a ConfigMap's name, empty annotations."""
    plain = parse(re.sub(r"\boss-valet-config-[a-z0-9]{10}\b", "oss-valet-config", yaml.safe_dump_all(docs)))
    for doc in plain:
        doc["metadata"] = {key: value for key, value in doc["metadata"].items() if value != {}}
    return sorted(plain, key=name_of)
