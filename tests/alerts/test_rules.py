"""The rules: sound, tested, explained, and the same in Kubernetes."""

import os
import re
import subprocess
import unittest

import yaml
from component import COMPONENT, ROOT, RULES, rendered

TESTS = RULES.with_name("oss-valet.rules.test.yaml")
RUNBOOK = ROOT / "deploy/runbook.md"


def alerts(text=None):
    groups = yaml.safe_load(text or RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*args, given=None):
    return subprocess.run([os.environ["PROMTOOL"], *map(str, args)], input=given, capture_output=True, text=True, check=False, timeout=120)


def anchor(heading):
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


class Rules(unittest.TestCase):
    def test_promtool_finds_them_sound(self):
        run = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_each_fires_when_it_should_and_is_silent_otherwise(self):
        run = promtool("test", "rules", TESTS)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_promtool_would_notice_one_that_does_not_fire(self):
        text = RULES.read_text().replace("oss_valet_store_up) == 0", "oss_valet_store_up) == 2")
        self.assertNotEqual(text, RULES.read_text())
        folder = ROOT / "target/test-logs/alerts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RULES.name).write_text(text)
        (folder / TESTS.name).write_text(TESTS.read_text())
        run = promtool("test", "rules", folder / TESTS.name)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("OssValetStoreDown", run.stdout + run.stderr)

    def test_each_has_a_test_in_which_it_fires_and_one_in_which_it_does_not(self):
        tested = {test["name"]: test["promql_expr_test"] for test in yaml.safe_load(TESTS.read_text())["tests"]}
        self.assertEqual(sorted(tested), sorted(rule["alert"] for rule in alerts()))
        for name, cases in tested.items():
            with self.subTest(name):
                self.assertTrue(all(f'alertname="{name}"' in case["expr"] for case in cases))
                self.assertEqual({bool(case["exp_samples"]) for case in cases}, {True, False})

    def test_each_says_what_is_the_matter_how_bad_it_is_and_where_to_read_on(self):
        chapters = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", RUNBOOK.read_text(), re.MULTILINE)}
        for rule in alerts():
            with self.subTest(rule["alert"]):
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                self.assertIn(rule["labels"]["severity"], {"page", "ticket"})
                file, _, chapter = rule["annotations"]["runbook_url"].partition("#")
                self.assertEqual(file, "deploy/runbook.md")
                self.assertIn(chapter, chapters)

    def test_the_runbook_has_no_chapter_of_an_alert_that_is_gone(self):
        chapters = set(re.findall(r"^### (OssValet\w+)$", RUNBOOK.read_text(), re.MULTILINE))
        self.assertEqual(chapters, {rule["alert"] for rule in alerts()})

    def test_the_kubernetes_component_holds_the_same(self):
        file = COMPONENT / "prometheusrule.yaml"
        self.assertEqual(file.read_text(), rendered(RULES.read_text()), "tests/alerts/run --write")
        rule = yaml.safe_load(file.read_text())
        self.assertEqual((rule["kind"], rule["spec"]), ("PrometheusRule", yaml.safe_load(RULES.read_text())))
        self.assertEqual(yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())["resources"], [file.name])
