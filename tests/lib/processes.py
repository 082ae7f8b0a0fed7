"""Programs of ours and others' that tests run: on 127.0.0.1, at ports that the system gives, ended by their own pid."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

PATIENCE = 60


class Process:
    """A child that is ended by its pid, whatever happens."""

    def __init__(self, args, log, **more):
        self.log = open(log, "ab")
        self.child = subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=self.log, **more)

    @classmethod
    def ready(cls, args, log, **more):
        """One of ours that prints a line of JSON when it is ready; the line is in `told`."""
        process = cls(args, log, stdout=subprocess.PIPE, **more)
        line = process.child.stdout.readline()
        if not line:
            raise SystemExit(f"{log}: ended before it was ready:\n{pathlib.Path(log).read_text()}")
        process.told = json.loads(line)
        return process

    @property
    def pid(self):
        return self.child.pid

    def end(self, how=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(how)
        return self.child.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Asked first: nginx and PostgreSQL have children of their own, which a kill would leave behind.
        try:
            self.end()
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()
        self.log.close()


def free_port():
    with contextlib.closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def until(what, condition):
    ends = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > ends:
            raise SystemExit(f"in vain: {what}")
        time.sleep(0.02)


def listens(port):
    """Whether somebody answers there; a connection is all that it takes."""
    with contextlib.closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def request(method, url, body=None, headers=None, timeout=30):
    """Status and body, over a connection of its own; an error of the connection is a status of its own."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}", b""
    finally:
        connection.close()


class Nginx(Process):
    """A real nginx in a folder of its own; `http` is what stands in its `http { … }`."""

    def __init__(self, folder, port, http):
        folder.mkdir(exist_ok=True)
        self.folder, self.port = folder, port
        self.write(http)
        super().__init__(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], folder / "nginx.log")

    def write(self, http):
        temps = "\n".join(f"{kind}_temp_path {self.folder}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""
            {user} daemon off; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx-error.log warn; worker_processes 1;
            worker_shutdown_timeout 40s;
            events {{ worker_connections 1024; }}
            http {{
                access_log {self.folder}/access.log; {temps}
                {http}
            }}""")

    def reload(self, http):
        """With other settings: ready when new workers have taken over."""
        self.write(http)
        old = self.workers()
        self.child.send_signal(signal.SIGHUP)
        until("nginx reloads", lambda: self.workers() - old)

    def workers(self):
        return set(pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())
