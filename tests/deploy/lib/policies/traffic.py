"""Who reaches what: Services, Ingresses, NetworkPolicy, monitoring."""

from urllib.parse import urlsplit

from ..config import setting, settings_of
from ..render import containers, name_of, of_kind, one, pod_spec, pod_template

CALLBACK = "/v1/callbacks/oss"
NGINX = "nginx.ingress.kubernetes.io/"
# Whatever asks who is there, changes the path, sends elsewhere, keeps away or counts: none of it is for OSS.
FORBIDDEN_FOR_OSS = (
    "auth-", "satisfy", "rewrite-target", "app-root", "use-regex", "server-snippet", "configuration-snippet", "permanent-redirect",
    "temporal-redirect", "force-ssl-redirect", "from-to-www-redirect", "limit-", "whitelist-source-range",
    "denylist-source-range", "global-rate-limit", "mirror-", "x-forwarded-prefix", "enable-modsecurity",
)
# These change every path of the host, of whichever Ingress.
FORBIDDEN_FOR_THE_HOST = ("use-regex", "rewrite-target", "server-snippet", "app-root")


def matches(selector, labels):
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def selectors_find_the_pods(docs):
    labels = pod_template(docs)["metadata"]["labels"]
    deployment = one(docs, "Deployment")
    selectors = [(name_of(doc), doc["spec"]["selector"]) for doc in of_kind(docs, "Service")]
    selectors += [(name_of(doc), doc["spec"]["selector"]["matchLabels"]) for doc in of_kind(docs, "Deployment", "PodDisruptionBudget")]
    selectors += [(name_of(doc), doc["spec"]["podSelector"]["matchLabels"]) for doc in of_kind(docs, "NetworkPolicy")]
    spreads = pod_spec(docs).get("topologySpreadConstraints", [])
    selectors += [(spread["topologyKey"], spread["labelSelector"]["matchLabels"]) for spread in spreads]
    yield from (f"{name} selects {selector}" for name, selector in selectors if not matches(selector, labels))
    target = one(docs, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    if (target["apiVersion"], target["kind"], target["name"]) != ("apps/v1", "Deployment", deployment["metadata"]["name"]):
        yield f"the autoscaler scales {target}"


def ports_have_one_name_everywhere(docs):
    """Container, Services, Ingresses, NetworkPolicy and the settings mean the same ports."""
    ports = {port["name"]: port["containerPort"] for container in containers(docs) for port in container.get("ports", [])}
    for _, _, settings in settings_of(docs):
        for name, key in (("http", "listen"), ("ops", "ops_listen")):
            listens = int(setting(settings, "server", key).rpartition(":")[2])
            if ports.get(name) != listens:
                yield f"server.{key} is port {listens}, the container's port `{name}` is {ports.get(name)}"
    for service in of_kind(docs, "Service"):
        for port in service["spec"]["ports"]:
            if port["targetPort"] not in ports or port["targetPort"] != port["name"]:
                yield f"{name_of(service)}: {port}"
    policy = one(docs, "NetworkPolicy")["spec"]
    for rule in policy["ingress"]:
        yield from (f"NetworkPolicy: {port}" for port in rule["ports"] if port["port"] not in ports)


def backends(ingress):
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            yield rule["host"], path, path["backend"]["service"]


def ingresses_lead_to_the_public_port(docs):
    services = {service["metadata"]["name"]: service for service in of_kind(docs, "Service")}
    for ingress in of_kind(docs, "Ingress"):
        tls = {host for entry in ingress["spec"].get("tls", []) for host in entry["hosts"]}
        for host, path, backend in backends(ingress):
            there = [port["name"] for port in services.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]]
            if backend["port"] != {"name": "http"} or "http" not in there:
                yield f"{name_of(ingress)} {path['path']} leads to {backend}"
            if host not in tls:
                yield f"{name_of(ingress)}: {host} has no certificate"


def oss_calls_back_unhindered(docs):
    """The callback path has an Ingress of its own, exact, neither authenticated, rewritten nor limited, on the configured host."""
    ingresses = of_kind(docs, "Ingress")
    own = [ingress for ingress in ingresses if any(path["path"] == CALLBACK for _, path, _ in backends(ingress))]
    if len(own) != 1 or len(list(backends(own[0]))) != 1:
        yield f"{len(own)} Ingresses for {CALLBACK}, or one that has other paths too"
        return
    host, path, _ = next(backends(own[0]))
    if path["pathType"] != "Exact":
        yield f"its pathType is {path['pathType']}"
    annotations = {key.removeprefix(NGINX): value for key, value in own[0]["metadata"].get("annotations", {}).items()}
    yield from (f"it has {key}" for key in annotations if key.startswith(FORBIDDEN_FOR_OSS))
    if annotations.get("enable-global-auth") != "false":
        yield "it is not exempt from the controller's own authentication"
    for ingress in ingresses:
        for key in ingress["metadata"].get("annotations", {}):
            if key.removeprefix(NGINX).startswith(FORBIDDEN_FOR_THE_HOST):
                yield f"{name_of(ingress)} has {key}, which concerns the whole host"
    for name, _, settings in settings_of(docs):
        urls = [urlsplit(url) for url in settings["callback"]["public_urls"]]
        for url in urls:
            if (url.scheme, url.hostname, url.path) != ("https", host, CALLBACK):
                yield f"{name}: OSS is sent to {url.geturl()}"
        public = urlsplit(settings["server"]["public_url"]).hostname
        hosts = {rule["host"] for ingress in ingresses for rule in ingress["spec"]["rules"]}
        if hosts != {public}:
            yield f"{name}: public_url is at {public}, the Ingresses are at {sorted(hosts)}"


def tickets_are_in_no_access_log(docs):
    """A ticket in a path is as good as its bearer's name: the controller must not write that path down."""
    logged = [
        name_of(ingress)
        for ingress in of_kind(docs, "Ingress")
        for _, path, _ in backends(ingress)
        if path["path"].startswith("/compat") and ingress["metadata"].get("annotations", {}).get(NGINX + "enable-access-log") != "false"
    ]
    yield from (f"{name} is logged" for name in logged)
    if not any(path["path"] == "/compat/t" for ingress in of_kind(docs, "Ingress") for _, path, _ in backends(ingress)):
        yield "/compat/t is in no Ingress of its own"


def operations_stay_inside(docs):
    """The operations port is in no Ingress and open to monitoring only; what goes out is named."""
    services = of_kind(docs, "Service")
    ops = {doc["metadata"]["name"] for doc in services if any(port["name"] == "ops" for port in doc["spec"]["ports"])}
    if len(ops) != 1:
        yield f"Services with the operations port: {sorted(ops)}"
    yield from (f"{name_of(doc)} is a {doc['spec']['type']}" for doc in services if doc["spec"]["type"] != "ClusterIP")
    for ingress in of_kind(docs, "Ingress"):
        yield from (f"{name_of(ingress)} leads there" for _, _, backend in backends(ingress) if backend["name"] in ops)
    policy = one(docs, "NetworkPolicy")["spec"]
    if sorted(policy["policyTypes"]) != ["Egress", "Ingress"]:
        yield f"policyTypes are {policy['policyTypes']}"
    for rule in policy["ingress"]:
        if not rule.get("from") or any("namespaceSelector" not in peer for peer in rule["from"]):
            yield f"whoever may come in at {rule.get('ports')}"
    out = {port["port"] for rule in policy["egress"] for port in rule.get("ports", [{"port": "any"}])}
    if out != {53, 443, 5432}:
        yield f"goes out to ports {sorted(out, key=str)}"


def monitors_find_the_operations_port(docs):
    services = of_kind(docs, "Service")
    for monitor in of_kind(docs, "ServiceMonitor"):
        found = [service for service in services if matches(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])]
        if [service["metadata"]["name"] for service in found] != ["oss-valet-ops"]:
            yield f"{name_of(monitor)} finds {[name_of(service) for service in found]}"
        for endpoint in monitor["spec"]["endpoints"]:
            if (endpoint["port"], endpoint["path"]) != ("ops", "/metrics"):
                yield f"{name_of(monitor)} scrapes {endpoint}"


POLICIES = [
    selectors_find_the_pods,
    ports_have_one_name_everywhere,
    ingresses_lead_to_the_public_port,
    oss_calls_back_unhindered,
    tickets_are_in_no_access_log,
    operations_stay_inside,
    monitors_find_the_operations_port,
]
