"""How the pods are run."""

import re

from ..config import seconds, setting, settings_of
from ..render import containers, name_of, of_kind, one, pod_spec, pod_template

RAM_ROLE_NAME = re.compile(r"[A-Za-z0-9.\-]{1,64}")
RRSA = "pod-identity.alibabacloud.com"
# What the kubelet needs beyond the periods that we ask for.
SPARE_SECONDS = 5


def pods_are_locked_down(docs):
    """No root, nothing writable, no capabilities, the runtime's own filter of system calls."""
    pod = pod_spec(docs).get("securityContext", {})
    for container in containers(docs):
        own = container.get("securityContext", {})
        wanted = {
            "runAsNonRoot": ({**pod, **own}.get("runAsNonRoot"), True),
            "seccompProfile": ({**pod, **own}.get("seccompProfile"), {"type": "RuntimeDefault"}),
            "readOnlyRootFilesystem": (own.get("readOnlyRootFilesystem"), True),
            "allowPrivilegeEscalation": (own.get("allowPrivilegeEscalation"), False),
            "capabilities": (own.get("capabilities"), {"drop": ["ALL"]}),
            "privileged": (own.get("privileged", False), False),
        }
        yield from (f"{container['name']}: {key} is {is_!r}" for key, (is_, must) in wanted.items() if is_ != must)
        user = {**pod, **own}.get("runAsUser")
        if not isinstance(user, int) or user == 0:
            yield f"{container['name']}: runAsUser is {user!r}"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod_spec(docs).get(key):
            yield f"{key} is on"


def containers_have_requests_and_limits(docs):
    for container in containers(docs):
        for kind in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                if resource not in container.get("resources", {}).get(kind, {}):
                    yield f"{container['name']}: no {kind}.{resource}"


def containers_have_probes(docs):
    """Started and ready by /readyz, alive by /livez alone, all on the operations port."""
    for container in pod_spec(docs)["containers"]:
        for probe, path in (("startupProbe", "/readyz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
            asked = container.get(probe, {}).get("httpGet", {})
            if (asked.get("path"), asked.get("port")) != (path, "ops"):
                yield f"{container['name']}: {probe} asks {asked}"


def migrations_come_first(docs):
    migrating = [container for container in pod_spec(docs).get("initContainers", []) if container.get("args") == ["migrate"]]
    if len(migrating) != 1:
        yield f"{len(migrating)} init containers migrate"
    images = {container["image"] for container in containers(docs)}
    if len(images) != 1:
        yield f"the containers are of {len(images)} images: {sorted(images)}"


def images_are_pinned(docs):
    for container in containers(docs):
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{container['name']}: {container['image']} has no tag of its own"


def running_requests_get_their_grace(docs):
    """preStop, then draining, then the grace: Kubernetes must not kill before these are over."""
    spec = pod_spec(docs)
    for container in spec["containers"]:
        command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
        if len(command) != 2 or command[0] != "sleep":
            yield f"{container['name']}: preStop does not sleep"
            continue
        for name, _, settings in settings_of(docs):
            drain = seconds(setting(settings, "server", "drain_delay") or "0s")
            needed = int(command[1]) + drain + seconds(setting(settings, "server", "shutdown_grace")) + SPARE_SECONDS
            if spec["terminationGracePeriodSeconds"] < needed:
                yield f"{name}: needs {needed} s, terminationGracePeriodSeconds is {spec['terminationGracePeriodSeconds']}"


def replicas_are_several_and_spread(docs):
    """The autoscaler alone says how many; one may always go; they do not all sit in one place."""
    scaler, budget, deployment = one(docs, "HorizontalPodAutoscaler"), one(docs, "PodDisruptionBudget"), one(docs, "Deployment")
    least, most = scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]
    if not 2 <= least <= most:
        yield f"replicas from {least} to {most}"
    if "replicas" in deployment["spec"]:
        yield "the Deployment sets replicas, which the autoscaler sets too"
    may_go = budget["spec"].get("maxUnavailable", least - budget["spec"].get("minAvailable", 0))
    if not isinstance(may_go, int) or not 1 <= may_go < least:
        yield f"of {least} replicas {may_go!r} may go"
    keys = {spread["topologyKey"] for spread in pod_spec(docs).get("topologySpreadConstraints", [])}
    missing = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} - keys
    if missing:
        yield f"not spread over {sorted(missing)}"


def rrsa_gives_the_service_its_role(docs):
    """By the service account's annotation and the pods' label; to the service's container only."""
    account, template = one(docs, "ServiceAccount"), pod_template(docs)
    role = account["metadata"].get("annotations", {}).get(f"{RRSA}/role-name", "")
    if not RAM_ROLE_NAME.fullmatch(role):
        yield f"role-name is {role!r}"
    if template["spec"].get("serviceAccountName") != account["metadata"]["name"]:
        yield "the pods run under another service account"
    for labels in [template["metadata"]["labels"]] + [space["metadata"].get("labels", {}) for space in of_kind(docs, "Namespace")]:
        if labels.get(f"{RRSA}/injection") != "on":
            yield f"injection is {labels.get(f'{RRSA}/injection')!r}"
    only = template["metadata"].get("annotations", {}).get(f"{RRSA}/only-containers", "").split(",")
    if only != [container["name"] for container in template["spec"]["containers"]]:
        yield f"only-containers is {only}"
    if template["spec"].get("automountServiceAccountToken") is not False:
        yield "the pods get a token for the Kubernetes API"


def names_are_in_one_namespace(docs):
    """Overlays put everything into their own namespace, which enforces the restricted pod security standard."""
    spaces = of_kind(docs, "Namespace")
    for space in spaces:
        if space["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name_of(space)} does not enforce `restricted`"
    allowed = {space["metadata"]["name"] for space in spaces} or {None}
    for doc in docs:
        if doc["kind"] != "Namespace" and doc["metadata"].get("namespace") not in allowed:
            yield f"{name_of(doc)} is in {doc['metadata'].get('namespace')}"


POLICIES = [
    pods_are_locked_down,
    containers_have_requests_and_limits,
    containers_have_probes,
    migrations_come_first,
    images_are_pinned,
    running_requests_get_their_grace,
    replicas_are_several_and_spread,
    rrsa_gives_the_service_its_role,
    names_are_in_one_namespace,
]
