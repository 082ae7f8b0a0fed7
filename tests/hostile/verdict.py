"""What a run must show, judged from its figures alone."""

import collections
import dataclasses
import json

MIB = 1024 * 1024
MAX_MEMORY = 150 * MIB
# What the service may have open more than before: the ledger's readers and such, opened on first use.
SPARE_FILES = 16
# The others' uploads in each phase; far fewer than there are, or it proves nothing that none failed.
ENOUGH = 20


@dataclasses.dataclass
class Phase:
    """One kind of hostile clients: what they met, what it cost, and how the others fared meanwhile."""

    name: str
    clients: int
    met: dict
    memory: int
    files: int
    files_afterwards: int
    uploads: int
    failures: list


def faults(phases, files_before, log, readable):
    """Why the run has failed; none where it has not."""
    found = []
    for phase in phases:
        def fault(text, phase=phase):
            found.append(f"{phase.name}: {text}")

        if phase.memory > MAX_MEMORY:
            fault(f"{phase.memory / MIB:.0f} MiB of memory, {MAX_MEMORY / MIB:.0f} are allowed")
        if phase.failures:
            fault(f"{len(phase.failures)} of the others' requests failed: {phase.failures[0]}")
        if phase.uploads < ENOUGH:
            fault(f"only {phase.uploads} uploads by others: that shows nothing")
        if phase.files_afterwards > files_before + SPARE_FILES:
            fault(f"{phase.files_afterwards} files open afterwards, {files_before} before everything")
        if phase.met.get("most_at_once", 0) < phase.clients // 2:
            fault(f"only {phase.met.get('most_at_once', 0)} of {phase.clients} clients at once: that shows nothing")
        if bad := {what: n for what, n in phase.met.items() if what.startswith(("status 2", "status 5")) or what == "nonsense"}:
            fault(f"the attackers were answered {bad}")
    if not phases:
        found.append("no phase was run")
    found.extend(f"the service said {n} times: {line}" for line, n in complaints(log).items())
    if not readable:
        found.append("the service is not ready afterwards")
    return found


def complaints(log):
    """Panics, and what is logged as an error: whoever can cause that by sending nonsense can fill the log."""
    found = collections.Counter()
    for line in log.splitlines():
        if "panicked" in line:
            found[line] += 1
        elif '"level":"ERROR"' in line:
            found[json.loads(line)["message"]] += 1
    return found
