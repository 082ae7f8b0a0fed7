"""The reader of PromQL finds every name, and refuses what it does not know."""

import unittest

from promql import NotUnderstood, read


class Names(unittest.TestCase):
    def test_metrics_labels_and_groupings_are_found(self):
        for expression, selectors, groupings in [
            ("up", [("up", set())], set()),
            ("sum by (a, b) (rate(x_total{c='1',d=~\"2|3\"}[5m])) > 0.5e3", [("x_total", {"c", "d"})], {"a", "b"}),
            ("sum(x{}) without (le) / on (i) group_left (v) y offset 5m", [("x", set()), ("y", set())], {"le", "i", "v"}),
            ("x and on (instance) y{a='by (no) {z}'}", [("x", set()), ("y", {"a"})], {"instance"}),
            ("time() - max(x[1m:]) unless absent(y) == bool 1", [("x", set()), ("y", set())], set()),
            ("rate(x[$__rate_interval])", [("x", set())], set()),
        ]:
            with self.subTest(expression):
                named = read(expression)
                self.assertEqual((named.selectors, named.groupings), (selectors, groupings))

    def test_what_is_unknown_is_refused(self):
        for expression in ["made_up(x)", "{a='1'}", "x{a>'1'}", "sum by (1) (x)", "x ; y"]:
            with self.subTest(expression), self.assertRaises(NotUnderstood):
                read(expression)
