"""The manifests: rendered, valid, and as our policies want them."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from lib import policies
from lib.config import RRSA, SECRETS, SECRETS_DIR, check, environment_name, settings_of
from lib.render import K8S, KUBECTLS, TARGETS, containers, name_of, objects, of_kind, one, parse, text, without_digest

# From the oldest whose schemas there are to the newest that we know.
KUBERNETES = ["1.25.0", "1.37.0"]
COMPONENTS = [K8S / "components/service-monitor", K8S / "components/prometheus-rule"]


class Rendered(unittest.TestCase):
    def test_they_are_valid_kubernetes(self):
        for age in KUBECTLS:
            for target in TARGETS:
                for version in KUBERNETES:
                    with self.subTest(kustomize=age, target=target, kubernetes=version):
                        command = ["kubernetes-validate", "--strict", "--quiet", "--kubernetes-version", version, "-"]
                        run = subprocess.run(command, input=text(K8S / target, age), capture_output=True, text=True, check=False)
                        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_an_old_and_a_new_kustomize_render_the_same(self):
        for age in KUBECTLS:
            for target in TARGETS:
                with self.subTest(kustomize=age, target=target):
                    self.assertEqual(without_digest(objects(target, age)), without_digest(objects(target)))

    def test_nothing_is_missing(self):
        expected = [
            "ConfigMap/oss-valet-config", "Deployment/oss-valet", "HorizontalPodAutoscaler/oss-valet", "Ingress/oss-valet",
            "Ingress/oss-valet-callback", "Ingress/oss-valet-tickets", "NetworkPolicy/oss-valet", "PodDisruptionBudget/oss-valet", "Service/oss-valet",
            "Service/oss-valet-ops", "ServiceAccount/oss-valet",
        ]
        for target in TARGETS:
            with self.subTest(target=target):
                names = [name_of(doc) for doc in without_digest(objects(target)) if doc["kind"] != "Namespace"]
                self.assertEqual(names, expected)

    def test_they_keep_to_every_policy(self):
        for age in KUBECTLS:
            for target in TARGETS:
                docs = objects(target, age)
                for policy in policies.ALL:
                    with self.subTest(kustomize=age, target=target, policy=policy.__name__):
                        self.assertEqual(list(policy(docs)), [])

    def test_another_configuration_is_another_rollout(self):
        for age in KUBECTLS:
            with self.subTest(kustomize=age):
                configured = {target: one(objects(target, age), "ConfigMap")["metadata"]["name"] for target in TARGETS}
                self.assertEqual(configured["base"], configured["overlays/production"])
                self.assertNotEqual(configured["base"], configured["overlays/staging"])


class Component(unittest.TestCase):
    """What is scraped and what is alerted on, when an overlay takes them in."""

    if "new" in KUBECTLS:  # the old one knows no components: without a new one there is no such test, and tests/deploy/run says so

        def test_the_production_overlay_takes_them_in_by_its_own_commented_lines(self):
            with tempfile.TemporaryDirectory(dir=K8S / "overlays") as folder:
                self.copy_uncommented(Path(folder))
                docs = parse(text(Path(folder), "new"))
            self.keeps_to_the_policies(docs)

    def test_they_suit_the_production_overlay(self):
        resources = [folder / name for folder in COMPONENTS
                     for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]]
        watching = [doc for resource in resources for doc in parse(resource.read_text())]
        docs = objects("overlays/production")
        for doc in watching:
            doc["metadata"]["namespace"] = one(docs, "Namespace")["metadata"]["name"]
        self.keeps_to_the_policies(docs + watching)

    def keeps_to_the_policies(self, docs):
        self.assertEqual([len(of_kind(docs, kind)) for kind in ("ServiceMonitor", "PrometheusRule")], [1, 1])
        for policy in policies.ALL:
            with self.subTest(policy=policy.__name__):
                self.assertEqual(list(policy(docs)), [])

    @staticmethod
    def copy_uncommented(folder):
        production = K8S / "overlays/production"
        for file in production.iterdir():
            content = file.read_text().replace("# components:", "components:").replace("#   - ../../components", "  - ../../components")
            (folder / file.name).write_text(content)


class Settings(unittest.TestCase):
    def test_check_finds_neither_fault_nor_doubt(self):
        for target in TARGETS:
            docs = objects(target)
            environments = {environment_name(container) for container in containers(docs)}
            for name, content, _ in settings_of(docs):
                with self.subTest(target=target, file=name):
                    self.assertEqual(environments, {name.removesuffix(".toml")})
                    found = check(content, name.removesuffix(".toml"), RRSA, [SECRETS_DIR], SECRETS)
                    self.assertEqual((found["faults"], found["warnings"]), (0, 0), found["findings"])

    def test_check_would_tell_a_wrong_key(self):
        _, content, _ = settings_of(objects("base"))[0]
        found = check(content.replace("max_size", "maximum"), "production", RRSA, [SECRETS_DIR], SECRETS)
        self.assertGreater(found["faults"], 0)

    def test_the_example_fills_the_secret_that_the_pods_mount(self):
        store, external = parse((K8S / "examples/external-secret.yaml").read_text())
        mounted = {volume["secret"]["secretName"] for volume in self.volumes() if "secret" in volume}
        self.assertEqual(mounted, {external["metadata"]["name"]})
        # The settings name the one, the database's URL the other.
        self.assertEqual({entry["name"] for entry in external["spec"]["data"]}, set(SECRETS) | {"rds-ca.pem"})
        self.assertEqual({entry["secretStoreRef"]["name"] for entry in external["spec"]["data"]}, {store["metadata"]["name"]})

    @staticmethod
    def volumes():
        return one(objects("base"), "Deployment")["spec"]["template"]["spec"]["volumes"]


class Tools(unittest.TestCase):
    def test_the_old_kustomize_is_an_old_one(self):
        run = subprocess.run([os.environ["OLD_KUBECTL"], "version", "--client"], capture_output=True, text=True, check=True)
        self.assertIn("v1.20", run.stdout)
