"""Podman, and a few questions by HTTP."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request


def podman(*arguments, check=True, **options):
    """Runs podman; its output, or all that it said where it failed."""
    run = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False, **options)
    if check and run.returncode != 0:
        raise AssertionError(f"podman {' '.join(arguments)}: {run.stdout}{run.stderr}")
    return run.stdout if check else run


def inspect(kind, name):
    return json.loads(podman(kind, "inspect", name))[0]


def free_ports(count):
    """Ports that nobody has now; all are held until the last is found."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def ask(method, url, token=None, body=None, headers=None):
    """(status, body)."""
    sent = dict(headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if isinstance(body, dict):
        body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(url, data=body, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for(what, condition, seconds=60):
    """Until the condition gives something; what it last raised is told where it never does."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except (AssertionError, OSError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s; {last}")
