"""The dashboard: what Grafana needs to show it, on any data source, for any replica."""

import re
import unittest

from dashboard import DASHBOARD, panels, queries

ROWS = ["Overview", "Traffic", "Grants", "Callbacks and completions", "Confirm and hook", "Outbox", "Reconciler", "Ledger",
        "Credentials, keys, clock, configuration", "Process"]


class Dashboard(unittest.TestCase):
    def test_it_has_a_row_for_each_part(self):
        rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ROWS)
        self.assertEqual((DASHBOARD["uid"], DASHBOARD["title"]), ("oss-valet", "oss-valet"))
        self.assertGreaterEqual(DASHBOARD["schemaVersion"], 39)

    def test_ids_are_unique_and_no_panel_covers_another(self):
        ids = [panel["id"] for panel in DASHBOARD["panels"]]
        self.assertEqual(len(set(ids)), len(ids))
        covered = {}
        for panel in DASHBOARD["panels"]:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
                self.assertIsNone(covered.get(cell), f"{panel['title']} lies on {covered.get(cell)}")
                covered[cell] = panel["title"]

    def test_every_panel_asks_the_chosen_data_source(self):
        for panel in panels():
            with self.subTest(panel["title"]):
                self.assertTrue(panel["targets"])
                asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
                self.assertEqual({source["uid"] for source in asked}, {"${datasource}"})
                self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]))

    def test_every_query_keeps_to_the_chosen_replicas_and_to_variables_that_there_are(self):
        variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
        self.assertEqual(variables, {"datasource", "replica"})
        for where, expression in queries():
            with self.subTest(where):
                used = set(re.findall(r"\$\{?(\w+)", expression))
                self.assertLessEqual(used, variables | {"__rate_interval"})
                if where not in variables:
                    self.assertIn('instance=~"$replica"', expression)
