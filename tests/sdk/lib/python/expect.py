"""What a case may assert."""

import re
from contextlib import contextmanager
from dataclasses import dataclass

import time_machine


@dataclass(frozen=True)
class Refusal:
    """What an SDK's own error object tells."""

    status: int
    code: str
    request_id: str
    ec: str
    message: str


def same(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} instead of {expected!r}")


@contextmanager
def refused(sdk, status, code, ec=None, message=None):
    """The block is refused, and the SDK tells it: status, code, EC where one is known, the request's id."""
    try:
        yield
    except Exception as error:
        refusal = sdk.refusal(error)
        if refusal is None:
            raise  # no refusal of OSS at all
        same("status", refusal.status, status)
        same("code", refusal.code, code)
        if ec:
            same("EC", refusal.ec, ec)
        if message and not re.search(message, refusal.message):
            raise AssertionError(f"message: {refusal.message!r}") from error
        if not re.fullmatch("[0-9A-F]{24}", refusal.request_id):
            raise AssertionError(f"request id: {refusal.request_id!r}") from error
        return
    raise AssertionError(f"{code}: went through")


def clock_off(seconds):
    """The whole process has a wrong clock, which goes on from there."""
    import datetime

    return time_machine.travel(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds))
