"""Hostile clients of every kind, one after the other, while others upload; see `full`."""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import threading
import time

from attacks import KINDS
from probe import MIB, Sampler, memory, open_files, percentile
from processes import PATIENCE, request
from valet import Client, Failure, Valet
from verdict import Phase, faults

HERE = pathlib.Path(__file__).parent
# Clients, the service's end of them, and what both need beside.
FILES_NEEDED = 12_000
OTHERS = 4
# Uploads a second by each of the others: a load that two cores carry beside the attackers.
PACE = 5
PROFILE = """
[profiles.document]
bucket = "media"
key = "documents/{user_id}/{id}.{ext}"
methods = ["put"]
max_size = "1 MiB"
"""


class Others:
    """Uploads at a steady pace, each with its callback, for as long as they are wanted; how long each step took."""

    def __init__(self, valet):
        self.valet, self.ends = valet, threading.Event()
        self.lock, self.issued, self.uploaded, self.failures = threading.Lock(), [], [], []
        self.threads = [threading.Thread(target=self.run, args=[valet.token(f"u-{n}")], daemon=True) for n in range(OTHERS)]
        for thread in self.threads:
            thread.start()

    def run(self, token):
        client = Client(self.valet, token)
        while not self.ends.is_set():
            began = time.monotonic()
            try:
                grant = client.issue("document", "put", 5)
                issued = time.monotonic()
                client.send(grant, b"hello")
                uploaded = time.monotonic()
                with self.lock:
                    self.issued.append(issued - began)
                    self.uploaded.append(uploaded - issued)
            except Failure as failure:
                with self.lock:
                    self.failures.append(str(failure))
            self.ends.wait(max(0, 1 / PACE - (time.monotonic() - began)))

    def since_last(self):
        """Times and failures since it was asked last."""
        with self.lock:
            seen = self.issued, self.uploaded, self.failures
            self.issued, self.uploaded, self.failures = [], [], []
        return seen

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()


def back_to(files, pid):
    """Open files when they are no more than that again; what there is in the end, where they stay."""
    ends = time.monotonic() + PATIENCE
    while (now := open_files(pid)) > files and time.monotonic() < ends:
        time.sleep(0.1)
    return now


def attack(kind, clients, valet, others, sampler, seconds, files_before):
    others.since_last()
    began = time.monotonic()
    attackers = [sys.executable, str(HERE / "attacks.py"), kind.__name__, valet.url.removeprefix("http://"), str(seconds), str(clients)]
    done = subprocess.run(attackers, check=True, capture_output=True, text=True, timeout=seconds + PATIENCE)
    seen = sampler.since(began)
    issued, uploaded, failures = others.since_last()
    # The others' own connections, as they come and go.
    afterwards = back_to(files_before + 8, valet.pid)
    phase = Phase(kind.__name__, clients, json.loads(done.stdout), max(size for _, size, _ in seen),
                  max(files for _, _, files in seen), afterwards, len(uploaded), failures)
    told(phase.name, issued, uploaded, phase)
    return phase


def told(name, issued, uploaded, phase=None):
    def ms(times):
        return " / ".join(f"{percentile(times, part) * 1000:.0f}" for part in (0.5, 0.99, 1)) if times else "-"
    cost = f"{phase.memory / MIB:.1f} MiB, {phase.files} files, {phase.files_afterwards} afterwards" if phase else ""
    print(f"{name:22} {len(uploaded):4} uploads; ms p50/p99/max: grant {ms(issued)}, upload and callback {ms(uploaded)}; {cost}", flush=True)
    if phase:
        print(f"{'':22} {phase.met}", flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--seconds", type=float, default=8, help="for each kind")
    arguments.add_argument("--only", choices=[kind.__name__ for kind in KINDS])
    arguments.add_argument("--clients", type=int, help="of each kind, at once")
    arguments = arguments.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < FILES_NEEDED:
        raise SystemExit(f"{most} open files are allowed here, {FILES_NEEDED} are needed: raise it with `ulimit -Hn`, as root")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kinds = [kind for kind in KINDS if arguments.only in (None, kind.__name__)]
    with Valet(arguments.binary, PROFILE, name="hostile") as valet:  # limits as they are shipped
        others, sampler = Others(valet), Sampler(valet.pid)
        time.sleep(3)
        told("nobody hostile", *others.since_last()[:2])
        files_before, idle_memory = open_files(valet.pid), memory(valet.pid)
        phases = [attack(kind, arguments.clients or KINDS[kind], valet, others, sampler, arguments.seconds, files_before) for kind in kinds]
        others.stop()
        samples = sampler.stop()
        ready = request("GET", valet.ops + "/readyz")[0] == 200
        print(f"memory: {idle_memory / MIB:.1f} MiB before, {max(size for _, size, _ in samples) / MIB:.1f} at most, "
              f"{memory(valet.pid) / MIB:.1f} afterwards")
        found = faults(phases, files_before, valet.log(), ready)
        for fault in found:
            print(f"FAIL  {fault}")
        bad = {fault.split(":")[0] for fault in found}
        print(f"{len(phases) + 1 - len(bad)} passed, {len(bad)} failed")
        return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
