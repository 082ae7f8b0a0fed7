"""The judge: a run that is well passes, and each thing that may be wrong is noticed."""

import dataclasses
import unittest

from verdict import MIB, Phase, faults

GOOD = Phase("idle", 10_000, {"most_at_once": 10_000, "status 408": 3}, 90 * MIB, 10_050, 60, 200, [])


def judged(log="", ready=True, **changes):
    return faults([dataclasses.replace(GOOD, **changes)], 50, log, ready)


class Judge(unittest.TestCase):
    def test_a_good_run_passes(self):
        self.assertEqual(judged(), [])

    def test_each_thing_that_is_wrong_is_noticed(self):
        wrong = {
            "151 MiB": {"memory": 151 * MIB},
            "1 of the others' requests failed: 503": {"failures": ["503"]},
            "only 3 uploads": {"uploads": 3},
            "200 files open afterwards": {"files_afterwards": 200},
            "only 400 of 10000 clients": {"met": {"most_at_once": 400}},
            "only 0 of 10000 clients": {"met": {}},
            "'status 500': 1": {"met": {**GOOD.met, "status 500": 1}},
            "'status 200': 1": {"met": {**GOOD.met, "status 200": 1}},
            "'nonsense': 1": {"met": {**GOOD.met, "nonsense": 1}},
            "panicked": {"log": "thread 'main' panicked at src/x.rs"},
            "request failed": {"log": '{"level":"ERROR","message":"request failed"}'},
            "not ready": {"ready": False},
        }
        for expected, changes in wrong.items():
            with self.subTest(expected):
                [fault] = judged(**changes)
                self.assertIn(expected, fault)

    def test_no_phase_is_no_proof(self):
        self.assertEqual(faults([], 50, "", True), ["no phase was run"])
