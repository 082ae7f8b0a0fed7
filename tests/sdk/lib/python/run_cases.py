"""Runs the expected cases of one Python SDK. Prints a line of JSON for its versions and one for each case."""

import importlib.metadata
import json
import os
import platform
import time

import multipart
import reading
import refusals
import temporary
import uploads
from situation import Situation

CASES = uploads.CASES | multipart.CASES | reading.CASES | refusals.CASES | temporary.CASES


def main(sdk):
    dev = json.loads(os.environ["OSS_VALET_DEV"])
    with open(os.environ["OSS_VALET_SDK_EXPECTED"], encoding="utf-8") as file:
        expected = [row for row in json.load(file) if row["sdk"] == sdk.NAME and row["signature"] == os.environ["OSS_VALET_SIGNATURE"]]
    tell({"sdks": {f"`{sdk.PACKAGE}`": importlib.metadata.version(sdk.PACKAGE)}, "runtimes": {"Python": platform.python_version()}})
    for row in expected:
        start = time.perf_counter()
        problem = None
        try:
            # One after the other: a case may set the clock back.
            CASES[row["method"]](Situation(sdk, dev, row["signature"], row["credentials"]))
        except Exception as error:  # a case that breaks in any way is a failed case, the others still run
            problem = f"{type(error).__name__}: {error}"
        tell(row | {"problem": problem, "milliseconds": round((time.perf_counter() - start) * 1000)})


def tell(line):
    print(json.dumps(line), flush=True)
