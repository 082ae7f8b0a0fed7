"""Mixed traffic at a steady rate; memory and open files of the service must stay flat. See `soak`."""

import argparse
import collections
import http.server
import random
import sys
import threading
import time

from probe import MIB, Sampler, open_files, percentile
from processes import request
from rounds import COMPLETE, MIX, User
from valet import Failure, Valet
from verdict import faults, trends

WORKERS = 8
SCRAPE_EVERY = 5
PROFILES = """
[profiles.document]
bucket = "media"
key = "documents/{user_id}/{id}.{ext}"
directory = "documents/{user_id}/{id}/"
methods = ["put", "post", "multipart", "sts"]
max_size = "1 MiB"
vars = ["album"]
"""
MORE = """
[limits]
requests_per_minute = 0
address_requests_per_minute = 0
[[sinks]]
name = "backend"
url = "http://127.0.0.1:{port}/events"
secrets = ["whsec_c29hay1zaW5rLXNlY3JldC1vZi10aGUtdGVzdHMhIQ=="]
allow_private = true
"""


class Sink(http.server.ThreadingHTTPServer):
    """The backend: takes every event."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.events += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.daemon_threads, self.events = True, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Traffic:
    """Rounds at a steady rate by a few workers, each time as another user."""

    def __init__(self, valet, rate, seed):
        self.valet, self.pause = valet, WORKERS / rate
        self.chance, self.ends, self.lock = random.Random(seed), threading.Event(), threading.Lock()
        self.done, self.times, self.failures = collections.Counter(), [], []
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(WORKERS)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while not self.ends.is_set():
            began = time.monotonic()
            with self.lock:
                [kind] = self.chance.choices(list(MIX), MIX.values())
                user = User(self.valet, f"u-{self.chance.randrange(1000)}")
            try:
                kind(user)
                failure = None
            except Failure as failed:
                failure = f"{kind.__name__}: {failed}"
            took = time.monotonic() - began
            with self.lock:
                self.done[kind.__name__] += 1
                self.times.append(took)
                if failure:
                    self.failures.append(failure)
            self.ends.wait(max(0, self.pause - took))

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--seconds", type=float, default=600)
    arguments.add_argument("--rate", type=float, default=30, help="rounds a second, of one to six requests each")
    arguments.add_argument("--reload-every", type=int, default=10, metavar="SECONDS", help="SIGHUP; 0 = never")
    arguments.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = arguments.parse_args()
    print(f"seed {arguments.seed}, {arguments.seconds:.0f} s at {arguments.rate:.0f} rounds a second", flush=True)
    with Sink() as sink, Valet(arguments.binary, PROFILES, more=MORE.format(port=sink.server_port), name="soak") as valet:
        files_before = open_files(valet.pid)
        traffic, sampler = Traffic(valet, arguments.rate, arguments.seed), Sampler(valet.pid, every=0.25)
        reloads = disturb(valet, arguments.seconds, arguments.reload_every)
        samples = sampler.stop()
        traffic.stop()
        files_afterwards = settled(valet.pid)
        # Half of what the mix promises at least: on a machine that is busy with other things rounds take longer.
        rounds = int(arguments.seconds * arguments.rate)
        wanted = {kind.__name__: (rounds * share // 200, traffic.done[kind.__name__]) for kind, share in MIX.items()}
        found = faults(samples, files_before, files_afterwards, wanted, traffic.failures)
        completed = sum(traffic.done[kind.__name__] for kind in COMPLETE) - len(traffic.failures)
        if sink.events < completed:
            found.append(f"{sink.events} events of {completed} uploads have arrived")
        if valet.stop() != 0:
            found.append("the service did not end well")
        told(samples, traffic, sink, reloads, files_before, files_afterwards)
        for fault in found:
            print(f"FAIL  {fault}")
        print(f"{max(5 - len(found), 0)} passed, {len(found)} failed")
        return 1 if found else 0


def disturb(valet, seconds, reload_every):
    """What happens beside the traffic: scrapes, and a SIGHUP now and then; how many of the latter."""
    ends, tick, reloads = time.monotonic() + seconds, 0, 0
    while time.monotonic() < ends:
        if valet.process.child.poll() is not None:
            raise SystemExit(f"the service has ended: {valet.log()[-3000:]}")
        time.sleep(1)
        tick += 1
        if tick % SCRAPE_EVERY == 0:
            request("GET", valet.ops + "/metrics")
        if reload_every and tick % reload_every == 0:
            valet.reload()
            reloads += 1
    return reloads


def settled(pid):
    """Open files once those of connections that are over are closed: the least of the next ten seconds."""
    seen = []
    for _ in range(40):
        seen.append(open_files(pid))
        time.sleep(0.25)
    return min(seen)


def told(samples, traffic, sink, reloads, files_before, files_afterwards):
    memory, files = [size for _, size, _ in samples], [files for _, _, files in samples]
    grown, more_files = trends(samples)
    print(f"{sum(traffic.done.values())} rounds, {sink.events} events, {reloads} reloads; ms a round p50/p99/max: "
          + "/".join(f"{percentile(traffic.times, part) * 1000:.0f}" for part in (0.5, 0.99, 1)))
    print(f"{dict(sorted(traffic.done.items()))}")
    half, tenth = len(memory) // 2, max(len(memory) // 10, 1)
    print("memory MiB by tenths: " + " ".join(f"{percentile(memory[at:at + tenth], 0.5) / MIB:.1f}" for at in range(0, len(memory), tenth)))
    print(f"memory MiB: {memory[0] / MIB:.1f} first, {percentile(memory[:half], 0.5) / MIB:.1f} median of the first half, "
          f"{percentile(memory[half:], 0.5) / MIB:.1f} of the second, {max(memory) / MIB:.1f} at most; "
          f"trend of the second half {grown / MIB:+.2f}")
    print(f"open files: {files_before} before, {percentile(files, 0.5)} median, {max(files)} at most, {files_afterwards} afterwards; "
          f"trend of the second half {more_files:+.1f}")


if __name__ == "__main__":
    sys.exit(main())
