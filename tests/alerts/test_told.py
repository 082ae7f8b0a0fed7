"""What rules and dashboard name is what a running service tells, after a small story."""

import re
import unittest

from component import ROOT
from dashboard import queries
from exposition import Scrape
from promql import read
from story import told
from test_rules import alerts, promtool

# What Prometheus itself puts on every series.
TARGET = {"instance", "job"}
# Nothing of these happens in the story: their labels are held against docs/operations.md alone.
UNSEEN = {
    "oss_valet_jwks_age_seconds", "oss_valet_jwks_fetches_total", "oss_valet_jwks_last_failure_timestamp_seconds",
    "oss_valet_credentials_failing_since_timestamp_seconds",
    "oss_valet_outbox_oldest_pending_timestamp_seconds",
}


def documented():
    """The table's metrics, with their labels."""
    rows = re.findall(r"^\| `(oss_valet_\w+|process_\w+)(?:\{([\w,]+)\})?` \|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    return {name: set(labels.split(",")) - {""} for name, labels in rows}


def unknown_names(expression, scrape, table):
    """Everything in the expression that the service would not tell."""
    named, found, labels_in_reach = read(expression), [], set(TARGET)
    for metric, labels in named.selectors:
        if not scrape.knows(metric):
            found.append(metric)
            continue
        known = scrape.labels.get(metric)
        if known is None:
            known = table.get(scrape.histogram_of(metric) or metric, set())
        known = known | TARGET
        labels_in_reach |= known
        found += [f"{metric}{{{label}}}" for label in sorted(labels - known)]
    return found + [f"by {label}" for label in sorted(named.groupings - labels_in_reach)]


class Told(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scrape = Scrape(told())
        cls.table = documented()

    def test_promtool_finds_the_page_sound(self):
        run = promtool("check", "metrics", given=self.scrape.page)
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)

    def test_every_metric_and_label_of_the_rules_is_told(self):
        for rule in alerts():
            with self.subTest(rule["alert"]):
                self.assertEqual(unknown_names(rule["expr"], self.scrape, self.table), [])
                used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
                self.assertLessEqual(used, read(rule["expr"]).groupings | TARGET)

    def test_every_metric_and_label_of_the_dashboard_is_told(self):
        for where, expression in queries():
            with self.subTest(where):
                self.assertEqual(unknown_names(expression, self.scrape, self.table), [])

    def test_a_made_up_name_is_noticed(self):
        for expression, found in [
            ("oss_valet_made_up_total > 1", ["oss_valet_made_up_total"]),
            ("rate(oss_valet_grants[5m])", ["oss_valet_grants"]),
            ("oss_valet_http_request_duration_seconds > 1", ["oss_valet_http_request_duration_seconds"]),
            ("oss_valet_grants_total{user='1'}", ["oss_valet_grants_total{user}"]),
            ("sum by (user) (oss_valet_grants_total)", ["by user"]),
            ("oss_valet_limited_total{user='1'}", ["oss_valet_limited_total{user}"]),
        ]:
            with self.subTest(expression):
                self.assertEqual(unknown_names(expression, self.scrape, self.table), found)

    def test_the_story_makes_everything_move_but_what_it_can_not(self):
        silent = {name for name, kind in self.scrape.kinds.items()
                  if (f"{name}_count" if kind == "histogram" else name) not in self.scrape.labels}
        self.assertEqual(silent, UNSEEN)

    def test_the_table_in_the_documentation_is_complete_and_names_the_labels(self):
        self.assertEqual(set(self.table), set(self.scrape.kinds))
        for name, labels in self.table.items():
            kind = self.scrape.kinds[name]
            seen = self.scrape.labels.get(f"{name}_count" if kind == "histogram" else name)
            if seen is not None:
                with self.subTest(name):
                    self.assertEqual(labels, seen)
