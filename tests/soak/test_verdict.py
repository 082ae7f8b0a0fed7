"""The judge of the soak: flat is flat, in spite of noise; each leak is noticed."""

import random
import unittest

from verdict import MIB, faults, growth

SECONDS = 600
noise = random.Random(6)


def series(memory=lambda second: 40 * MIB, files=lambda second: 60):
    """A sample a second, with noise of half a MiB, and now and then a peak."""
    return [(second, memory(second) + noise.uniform(-0.5, 0.5) * MIB + (30 * MIB if second % 97 == 0 else 0),
             files(second) + noise.randint(-5, 5)) for second in range(SECONDS)]


def judged(samples=None, before=60, after=60, rounds=None, failures=()):
    return faults(samples or series(), before, after, rounds or {"put": (10, 10)}, failures)


class Judge(unittest.TestCase):
    def test_flat_is_flat_in_spite_of_noise_and_peaks(self):
        self.assertEqual(judged(), [])

    def test_what_grows_in_the_beginning_only_is_no_leak(self):
        self.assertEqual(judged(series(memory=lambda second: min(20 + second / 5, 60) * MIB)), [])

    def test_memory_that_shrinks_is_fine(self):
        self.assertEqual(judged(series(memory=lambda second: (80 - second / 20) * MIB)), [])

    def test_each_leak_is_noticed(self):
        leaks = {
            "memory grows: 6": series(memory=lambda second: (40 + second / 50) * MIB),
            "open files grow: 30": series(files=lambda second: 60 + second // 10),
        }
        for expected, samples in leaks.items():
            with self.subTest(expected):
                [fault] = judged(samples)
                self.assertIn(expected.split(":")[0], fault)

    def test_what_else_is_wrong_is_noticed(self):
        for expected, changes in {
            "100 files are open afterwards": {"after": 100},
            "only 3 rounds of sts instead of 10": {"rounds": {"sts": (10, 3)}},
            "1 requests failed: 503": {"failures": ["503"]},
        }.items():
            with self.subTest(expected):
                [fault] = judged(**changes)
                self.assertIn(expected, fault)

    def test_growth_is_the_trend(self):
        self.assertAlmostEqual(growth([(second, 7 + 3 * second) for second in range(101)]), 300)
