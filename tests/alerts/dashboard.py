"""Grafana's document, as far as tests look into it."""

import json
import re

from component import ROOT

DASHBOARD = json.loads((ROOT / "deploy/grafana/oss-valet.json").read_text())


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries():
    """Every expression, with where it stands."""
    found = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    found += [(annotation["name"], annotation["expr"]) for annotation in DASHBOARD["annotations"]["list"]]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"]).groups()
            found.append((variable["name"], f"count by ({label}) ({metric})"))
    return found
