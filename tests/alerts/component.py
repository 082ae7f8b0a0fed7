"""The rules as a PrometheusRule of the Prometheus operator: kustomize reads nothing outside its folder, so they stand there again."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/alerts/oss-valet.rules.yaml"
COMPONENT = ROOT / "deploy/k8s/components/prometheus-rule"
HEAD = """\
# Written by `tests/alerts/run --write` from deploy/alerts/oss-valet.rules.yaml: change them there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: oss-valet
  labels:
    app.kubernetes.io/name: oss-valet
    app.kubernetes.io/component: ops
spec:
"""


def rendered(rules):
    """The component's file, of the rules' text; their comments stay where they are."""
    lines = [line for line in rules.splitlines() if not line.startswith("#")]
    return HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)


if __name__ == "__main__":
    (COMPONENT / "prometheusrule.yaml").write_text(rendered(RULES.read_text()))
