"""Whether figures over time are flat, judged robustly: a few samples that lie elsewhere change nothing."""

import itertools
import statistics

MIB = 1024 * 1024
# What the second half may have grown by, by its trend: the allocator's noise is well below it, and in ten minutes at 30 rounds a
# second a leak of 500 bytes a round is above it.
MAX_GROWTH = 4 * MIB
# Connections come and go; a leak does not stay below this.
MAX_FILES_GROWTH = 8
# Opened when first used, and kept: the ledger's readers, connections to OSS.
SPARE_FILES = 24
BUCKETS = 60


def growth(points):
    """By how much the trend rises from the first to the last of `(seconds, value)`: the median of the slopes of all pairs (Theil
    and Sen), between medians of a minute's worth each."""
    size = max(len(points) // BUCKETS, 1)
    buckets = [points[at:at + size] for at in range(0, len(points), size)]
    medians = [tuple(statistics.median(column) for column in zip(*bucket)) for bucket in buckets]
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(medians, 2) if x2 > x1]
    return statistics.median(slopes) * (points[-1][0] - points[0][0])


def second_half(samples):
    middle = (samples[0][0] + samples[-1][0]) / 2
    return [sample for sample in samples if sample[0] >= middle]


def trends(samples):
    """Growth of memory and of open files over the second half of `(seconds, bytes, files)`."""
    half = second_half(samples)
    return growth([(at, size) for at, size, _ in half]), growth([(at, files) for at, _, files in half])


def faults(samples, files_before, files_afterwards, rounds, failures):
    """Why the run has failed; none where it has not."""
    found = []
    memory, files = trends(samples)
    if memory > MAX_GROWTH:
        found.append(f"memory grows: {memory / MIB:.1f} MiB in the second half, {MAX_GROWTH / MIB:.0f} are allowed")
    if files > MAX_FILES_GROWTH:
        found.append(f"open files grow: {files:.0f} in the second half, {MAX_FILES_GROWTH} are allowed")
    if files_afterwards > files_before + SPARE_FILES:
        found.append(f"{files_afterwards} files are open afterwards, {files_before} were before")
    for kind, (wanted, done) in rounds.items():
        if done < wanted:
            found.append(f"only {done} rounds of {kind} instead of {wanted}: that shows nothing")
    if failures:
        found.append(f"{len(failures)} requests failed: {failures[0]}")
    return found
