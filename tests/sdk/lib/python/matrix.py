"""The table: SDK × method × version × credentials, on the terminal and in `docs/sdk-matrix.md`.

Usage: matrix.py EXPECTED_TOML PAGE ROWS_JSONL… [--write]
"""

import json
import sys

from expected import Expected

# Debian renews Chromium every week, and nobody's Node is everybody's: shown, but the page is not wrong with another.
RUNTIMES = "Last written with "
BEGIN, END = "<!-- table: written by `tests/sdk/run --write-matrix` -->", "<!-- end of the table -->"
VARIANTS = {("v4", "static"): "V4", ("v4", "sts"): "V4 STS", ("v1", "static"): "V1", ("v1", "sts"): "V1 STS"}


def main(expected_path, page_path, *rest):
    paths = [path for path in rest if path != "--write"]
    expected = Expected.load(expected_path)
    rows, sdks, runtimes, failures = read(paths)
    failures += compare(expected, rows)
    print_terminal(expected, rows, sdks | runtimes)
    failures += page(page_path, markdown(expected, rows, sdks, runtimes), write="--write" in rest, green=not failures)
    for failure in failures:
        print(f"FAIL  {failure}")
    passed = sum(1 for row in rows.values() if row["problem"] is None)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


def read(paths):
    """The rows by what they are about, versions of SDKs and of what they run in, what failed."""
    rows, sdks, runtimes, failures = {}, {}, {}, []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in map(json.loads, file):
                if "sdks" in line:
                    sdks |= line["sdks"]
                    runtimes |= line["runtimes"]
                    continue
                about = tuple(line[name] for name in ("sdk", "method", "signature", "credentials"))
                if about in rows:
                    failures.append(f"{' '.join(about)}: told twice")
                rows[about] = line
                if line["problem"] is not None:
                    failures.append(f"{' '.join(about)}: {line['problem']}")
    return rows, sdks, runtimes, failures


def compare(expected, rows):
    wanted = set(expected.rows())
    missing = [f"{' '.join(about)}: no such row" for about in expected.rows() if about not in rows]
    return missing + [f"{' '.join(about)}: nobody expects this row" for about in rows if about not in wanted]


def cell(expected, rows, method, sdk, variant):
    if expected.without(method, sdk, variant) is not None:
        return "–"
    row = rows.get((sdk, method["id"], *variant))
    return "missing" if row is None else "pass" if row["problem"] is None else "FAIL"


def print_terminal(expected, rows, versions):
    print(", ".join(f"{name.replace('`', '')} {version}" for name, version in sorted(versions.items())))
    names = [VARIANTS[variant] for variant in expected.variants()]
    for sdk, title in expected.sdks.items():
        print(f"\n{title:<52}" + "".join(f"{name:<9}" for name in names) + "slowest")
        for method in expected.methods():
            cells = [cell(expected, rows, method, sdk, variant) for variant in expected.variants()]
            if set(cells) != {"–"}:
                print(f"  {method['name']:<50}" + "".join(f"{text:<9}" for text in cells) + slowest(rows, sdk, method))
    print()


def slowest(rows, sdk, method):
    times = [row["milliseconds"] for about, row in rows.items() if about[:2] == (sdk, method["id"])]
    return f"{max(times, default=0)} ms"


def markdown(expected, rows, sdks, runtimes):
    """What the page shows: versions and rows, no durations."""
    lines = ["| SDK | version |", "| --- | --- |", *(f"| {name} | {version} |" for name, version in sorted(sdks.items()))]
    lines += ["", RUNTIMES + ", ".join(f"{name} {version}" for name, version in sorted(runtimes.items())) + "."]
    shown = {method for _, method, *_ in expected.rows()}
    for group in expected.groups:
        methods = [method for method in group["methods"] if method["id"] in shown]
        if not methods:
            continue
        lines += ["", f"### {group['name']}", "", "| method | " + " | ".join(expected.sdks.values()) + " | what it proves |"]
        lines.append("| --- |" + " --- |" * (len(expected.sdks) + 1))
        for method in methods:
            cells = [summary(expected, rows, method, sdk) for sdk in expected.sdks]
            lines.append(f"| {method['name']} | " + " | ".join(cells) + f" | {method['proves']} |")
    return "\n".join(lines)


def summary(expected, rows, method, sdk):
    """One SDK's four variants in one cell: those that passed, then what failed, then why there are no others."""
    by_outcome, reasons = {}, []
    for variant in expected.variants():
        name = VARIANTS[variant]
        reason = expected.without(method, sdk, variant)
        if reason is None:
            by_outcome.setdefault(cell(expected, rows, method, sdk, variant), []).append(name)
        elif reason and reason not in reasons:
            reasons.append(reason)
    told = [f"{'✓' if outcome == 'pass' else outcome} {', '.join(names)}" for outcome, names in by_outcome.items()]
    return "; ".join(told + reasons) or "–"


def page(path, table, write, green):
    """Writes the table into the page, or says that the page shows another one."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    fresh = f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"
    if write and green:
        with open(path, "w", encoding="utf-8") as file:
            file.write(fresh)
    elif without_runtimes(fresh) != without_runtimes(text):
        return [f"{path} shows another table; once all is green: tests/sdk/run --write-matrix"]
    return []


def without_runtimes(text):
    return [line for line in text.splitlines() if not line.startswith(RUNTIMES)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
