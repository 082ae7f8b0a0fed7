"""Each policy refuses what it is there for: renderings with one thing changed."""

import copy
import unittest

from lib import policies
from lib.policies import pods, settings, traffic
from lib.render import objects, of_kind, one, parse, pod_spec, pod_template

NGINX = "nginx.ingress.kubernetes.io/"


def service(docs):
    return pod_spec(docs)["containers"][0]


def named(docs, kind, name):
    return next(doc for doc in of_kind(docs, kind) if doc["metadata"]["name"] == name)


def callback(docs):
    return named(docs, "Ingress", "oss-valet-callback")


def callback_path(docs):
    return callback(docs)["spec"]["rules"][0]["http"]["paths"][0]


def main(docs):
    return named(docs, "Ingress", "oss-valet")


def tickets(docs):
    return named(docs, "Ingress", "oss-valet-tickets")


def ops(docs):
    return named(docs, "Service", "oss-valet-ops")


def settings_text(docs, old, new):
    data = one(docs, "ConfigMap")["data"]
    assert old in data["production.toml"], old
    data["production.toml"] = data["production.toml"].replace(old, new)


def monitor(docs, port):
    selector = {"matchLabels": {"app.kubernetes.io/name": "oss-valet", "app.kubernetes.io/component": "ops"}}
    spec = {"selector": selector, "endpoints": [{"port": port, "path": "/metrics"}]}
    docs.append({"kind": "ServiceMonitor", "metadata": {"name": "m"}, "spec": spec})


# (policy, what is done to the base's objects)
CHANGES = [
    (pods.pods_are_locked_down, lambda d: service(d)["securityContext"].update(readOnlyRootFilesystem=False)),
    (pods.pods_are_locked_down, lambda d: service(d)["securityContext"].update(runAsUser=0)),
    (pods.pods_are_locked_down, lambda d: service(d)["securityContext"].update(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]})),
    (pods.pods_are_locked_down, lambda d: pod_spec(d)["initContainers"][0].pop("securityContext")),
    (pods.pods_are_locked_down, lambda d: pod_spec(d)["securityContext"].pop("seccompProfile")),
    (pods.pods_are_locked_down, lambda d: pod_spec(d).update(hostNetwork=True)),
    (pods.containers_have_requests_and_limits, lambda d: service(d)["resources"]["limits"].pop("memory")),
    (pods.containers_have_requests_and_limits, lambda d: pod_spec(d)["initContainers"][0].pop("resources")),
    (pods.containers_have_probes, lambda d: service(d).pop("startupProbe")),
    (pods.containers_have_probes, lambda d: service(d)["livenessProbe"]["httpGet"].update(path="/readyz")),
    (pods.containers_have_probes, lambda d: service(d)["readinessProbe"]["httpGet"].update(port="http")),
    (pods.migrations_come_first, lambda d: pod_spec(d).pop("initContainers")),
    (pods.migrations_come_first, lambda d: service(d).update(image="registry.example.com/oss-valet:0.2.0")),
    (pods.images_are_pinned, lambda d: service(d).update(image="registry.example.com:5000/oss-valet")),
    (pods.images_are_pinned, lambda d: service(d).update(image="oss-valet:latest")),
    (pods.running_requests_get_their_grace, lambda d: pod_spec(d).update(terminationGracePeriodSeconds=39)),
    (pods.running_requests_get_their_grace, lambda d: settings_text(d, 'shutdown_grace = "30s"', 'shutdown_grace = "1m"')),
    (pods.running_requests_get_their_grace, lambda d: service(d).pop("lifecycle")),
    (pods.replicas_are_several_and_spread, lambda d: one(d, "HorizontalPodAutoscaler")["spec"].update(minReplicas=1)),
    (pods.replicas_are_several_and_spread, lambda d: one(d, "PodDisruptionBudget")["spec"].update(maxUnavailable=3)),
    (pods.replicas_are_several_and_spread, lambda d: one(d, "PodDisruptionBudget")["spec"].update(maxUnavailable=0)),
    (pods.replicas_are_several_and_spread, lambda d: one(d, "Deployment")["spec"].update(replicas=3)),
    (pods.replicas_are_several_and_spread, lambda d: pod_spec(d).pop("topologySpreadConstraints")),
    (pods.rrsa_gives_the_service_its_role, lambda d: one(d, "ServiceAccount")["metadata"].pop("annotations")),
    (pods.rrsa_gives_the_service_its_role, lambda d: pod_spec(d).update(serviceAccountName="default")),
    (pods.rrsa_gives_the_service_its_role, lambda d: pod_template(d)["metadata"]["labels"].pop("pod-identity.alibabacloud.com/injection")),
    (pods.rrsa_gives_the_service_its_role, lambda d: pod_spec(d).pop("automountServiceAccountToken")),
    (pods.names_are_in_one_namespace, lambda d: one(d, "Deployment")["metadata"].update(namespace="elsewhere")),
    (traffic.selectors_find_the_pods, lambda d: named(d, "Service", "oss-valet")["spec"]["selector"].update(tier="web")),
    (traffic.selectors_find_the_pods, lambda d: one(d, "PodDisruptionBudget")["spec"]["selector"].update(matchLabels={})),
    (traffic.selectors_find_the_pods, lambda d: one(d, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].update(name="valet")),
    (traffic.ports_have_one_name_everywhere, lambda d: service(d)["ports"][0].update(containerPort=80)),
    (traffic.ports_have_one_name_everywhere, lambda d: settings_text(d, "[server]\n", '[server]\nlisten = "0.0.0.0:80"\n')),
    (traffic.ports_have_one_name_everywhere, lambda d: named(d, "Service", "oss-valet")["spec"]["ports"][0].update(targetPort="web")),
    (traffic.ports_have_one_name_everywhere, lambda d: one(d, "NetworkPolicy")["spec"]["ingress"][0]["ports"][0].update(port="web")),
    (traffic.ingresses_lead_to_the_public_port, lambda d: callback(d)["spec"].pop("tls")),
    (traffic.ingresses_lead_to_the_public_port, lambda d: callback_path(d)["backend"]["service"].update(name="x")),
    (traffic.oss_calls_back_unhindered, lambda d: d.remove(callback(d))),
    (traffic.oss_calls_back_unhindered, lambda d: callback_path(d).update(pathType="Prefix")),
    (traffic.oss_calls_back_unhindered, lambda d: callback(d)["metadata"]["annotations"].update({NGINX + "auth-url": "https://x"})),
    (traffic.oss_calls_back_unhindered, lambda d: callback(d)["metadata"]["annotations"].update({NGINX + "rewrite-target": "/"})),
    (traffic.oss_calls_back_unhindered, lambda d: callback(d)["metadata"]["annotations"].update({NGINX + "limit-rps": "5"})),
    (traffic.oss_calls_back_unhindered, lambda d: callback(d)["metadata"]["annotations"].pop(NGINX + "enable-global-auth")),
    (traffic.oss_calls_back_unhindered, lambda d: main(d)["metadata"]["annotations"].update({NGINX + "use-regex": "true"})),
    (traffic.oss_calls_back_unhindered, lambda d: callback(d)["spec"]["rules"][0].update(host="other.example.com")),
    (traffic.oss_calls_back_unhindered, lambda d: settings_text(d, "/v1/callbacks/oss", "/valet/v1/callbacks/oss")),
    (traffic.tickets_are_in_no_access_log, lambda d: tickets(d)["metadata"].pop("annotations")),
    (traffic.tickets_are_in_no_access_log, lambda d: d.remove(tickets(d))),
    (traffic.operations_stay_inside, lambda d: named(d, "Service", "oss-valet")["spec"]["ports"].append({"name": "ops"})),
    (traffic.operations_stay_inside, lambda d: ops(d)["spec"].update(type="LoadBalancer")),
    (traffic.operations_stay_inside, lambda d: one(d, "NetworkPolicy")["spec"]["ingress"][1].pop("from")),
    (traffic.operations_stay_inside, lambda d: one(d, "NetworkPolicy")["spec"]["egress"].append({})),
    (traffic.operations_stay_inside, lambda d: one(d, "NetworkPolicy")["spec"].update(policyTypes=["Ingress"])),
    (traffic.monitors_find_the_operations_port, lambda d: monitor(d, "http")),
    (traffic.monitors_find_the_operations_port, lambda d: monitor(d, "ops") or ops(d)["metadata"].update(labels={})),
    (settings.no_secret_is_written_down, lambda d: d.append({"kind": "Secret", "metadata": {"name": "oss-valet"}})),
    (settings.no_secret_is_written_down, lambda d: settings_text(d, "[store]\nurl_file", "[store]\nurl")),
    (settings.no_secret_is_written_down, lambda d: settings_text(d, 'kind = "oidc"', 'kind = "oidc"\nsecret = "x"')),
    (settings.no_secret_is_written_down, lambda d: settings_text(d, "[store]", "[store] # postgres://a:b@c")),
    (settings.no_secret_is_written_down, lambda d: service(d).update(env=[{"name": "OSS_VALET__STORE__URL", "value": "x"}])),
    (settings.secret_files_are_mounted, lambda d: settings_text(d, "secrets/seal-k1", "secrets/seal")),
    (settings.secret_files_are_mounted, lambda d: pod_spec(d)["volumes"][1]["secret"].update(defaultMode=0o444)),
    (settings.secret_files_are_mounted, lambda d: pod_spec(d)["initContainers"][0].update(volumeMounts=[])),
    (settings.containers_find_their_settings, lambda d: service(d).update(env=[{"name": "OSS_VALET_ENV", "value": "staging"}])),
    (settings.containers_find_their_settings, lambda d: pod_spec(d)["volumes"][0]["configMap"].update(name="oss-valet-config")),
]


class PoliciesRefuse(unittest.TestCase):
    def test_every_policy_refuses_each_change_against_it(self):
        base = objects("base")
        for number, (policy, change) in enumerate(CHANGES):
            with self.subTest(policy=policy.__name__, number=number):
                self.assertEqual(list(policy(base)), [], "the base itself is refused")
                docs = copy.deepcopy(base)
                change(docs)
                self.assertTrue(list(policy(docs)), "nobody noticed")

    def test_every_policy_is_tried(self):
        self.assertEqual({policy.__name__ for policy, _ in CHANGES}, {policy.__name__ for policy in policies.ALL})

    def test_objects_are_compared_without_their_digest_only(self):
        from lib.render import without_digest

        docs = parse("kind: ConfigMap\nmetadata: {name: oss-valet-config-0123456789}")
        self.assertEqual(without_digest(docs)[0]["metadata"]["name"], "oss-valet-config")
        docs = parse("kind: ConfigMap\nmetadata: {name: oss-valet-configuration}")
        self.assertEqual(without_digest(docs)[0]["metadata"]["name"], "oss-valet-configuration")
