"""Runs unittest modules: a line for each test, and at last the line that tests/run adds up.  python -m runner MODULE…"""

import sys
import unittest


class Report(unittest.TextTestResult):
    """Says each test's name as a sentence."""

    def getDescription(self, test):
        case = getattr(test, "test_case", test)  # a subtest's description is its case's, and what it was about
        name = case.id().split(".")[-1].removeprefix("test_").replace("_", " ")
        return name if case is test else f"{name} {test._subDescription()}"


def main(modules):
    suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Report, verbosity=2).run(suite)
    # A test may have several failing subtests, and a module may not load: count tests, each once.
    bad = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    failed = len(bad) + len(result.skipped)  # nothing is skipped here, so that is a failure too
    passed = max(result.testsRun - failed, 0)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
