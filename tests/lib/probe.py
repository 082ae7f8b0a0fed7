"""What a process takes of the machine, by /proc: memory, open files."""

import os
import threading
import time

MIB = 1024 * 1024


def memory(pid):
    """Resident bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Sampler(threading.Thread):
    """Looks every so often until it is told to stop: `(seconds, bytes, files)` each time."""

    def __init__(self, pid, every=0.1):
        super().__init__(daemon=True)
        self.pid, self.every, self.began = pid, every, time.monotonic()
        self.samples, self.stopping = [], threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(self.every):
            self.samples.append((time.monotonic() - self.began, memory(self.pid), open_files(self.pid)))

    def stop(self):
        self.stopping.set()
        self.join()
        return self.samples

    def since(self, moment):
        """What was seen after an instant of `time.monotonic()`."""
        return [sample for sample in list(self.samples) if sample[0] >= moment - self.began]


def percentile(values, part):
    """Of a list that is not empty."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]
