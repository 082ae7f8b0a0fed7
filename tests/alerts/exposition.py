"""Prometheus' text format, as far as a scrape of ours needs: which metrics there are, and with which labels."""

import re

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """One page."""

    def __init__(self, page):
        self.page = page
        self.kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
        # By the name as queries write it: a histogram's parts each by themselves.
        self.labels, self.values = {}, {}
        for line in page.splitlines():
            if line and not line.startswith("#"):
                name, labels, _ = SAMPLE.match(line).groups()
                for label, value in LABEL.findall(labels or ""):
                    self.labels.setdefault(name, set()).add(label)
                    self.values.setdefault((name, label), set()).add(value)
                self.labels.setdefault(name, set())

    def knows(self, name):
        """Whether a metric of that name is on the page, be there samples or not."""
        return name in self.kinds and self.kinds[name] != "histogram" or self.histogram_of(name) is not None

    def histogram_of(self, name):
        for part in ("_bucket", "_sum", "_count"):
            if name.endswith(part) and self.kinds.get(name.removesuffix(part)) == "histogram":
                return name.removesuffix(part)
        return None
