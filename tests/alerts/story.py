"""A small story, told to `oss-valet dev`, in which nearly everything happens that is counted. Then the page of it."""

import functools
import http.server
import json
import os
import pathlib
import signal
import tempfile
import threading

from processes import Process, request, until

# Over what `dev` is set up with: a hook, and credentials that are renewed.
SETTINGS = """
[buckets.media]
confirm_credentials = "uploads"

[hooks.backend]
url = "http://127.0.0.1:{port}/hook"
secrets = ["whsec_bmV3LXNlY3JldC1vZi10aGUtaG9vay10ZXN0cw=="]
timeout = "2s"
on_failure = "accept"

[profiles.asked]
bucket = "media"
key = "asked/{{user_id}}/{{id}}.{{ext}}"
methods = ["put"]
max_size = "1 MiB"
hook = "backend"
"""


APPLIED = 'oss_valet_config_reloads_total{outcome="applied"} 1'


class Backend(http.server.BaseHTTPRequestHandler):
    """Takes every event, and answers the hook."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Service:
    """The running service, as its user meets it."""

    def __init__(self, told):
        self.told = told

    def ask(self, method, path, body=None, wanted=200):
        headers = {"Authorization": f"Bearer {self.told['token']}", "Content-Type": "application/json"}
        status, answer = request(method, self.told["service"] + path, json.dumps(body) if body is not None else None, headers)
        if status != wanted:
            raise AssertionError(f"{method} {path}: {status} instead of {wanted}: {answer[:300]!r}")
        return json.loads(answer) if answer else None

    def upload(self, profile):
        grant = self.ask("POST", "/v1/uploads", {"profile": profile, "method": "put", "filename": "a.txt"}, 201)
        wanted = grant["request"]
        status, answer = request(wanted["method"], wanted["url"], b"hello", wanted["headers"])
        if status != 200:
            raise AssertionError(f"the upload: {status} {answer[:300]!r}")

    def page(self):
        status, page = request("GET", f"{self.told['ops']}/metrics")
        if status != 200:
            raise AssertionError(f"/metrics: {status}")
        return page.decode()


def tell(service):
    service.upload("document")
    service.upload("asked")
    service.ask("POST", "/v1/uploads", {"profile": "nobody's"}, 403)
    service.ask("GET", "/nowhere", wanted=404)
    request("POST", f"{service.told['service']}/v1/callbacks/oss", b"nonsense")
    until("both events are delivered", lambda: 'oss_valet_outbox_pending{sink="dev"} 0' in service.page())


@functools.cache
def told():
    """The page after the story."""
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    port = backend.server_address[1]
    try:
        with tempfile.TemporaryDirectory(prefix="oss-valet-alerts.") as folder:
            config = pathlib.Path(folder) / "config"
            config.mkdir()
            (config / "development.toml").write_text(SETTINGS.format(port=port))
            free = "127.0.0.1:0"
            command = [os.environ["BINARY"], "dev", "--json", "--listen", free, "--ops-listen", free, "--simulator-listen", free,
                       "--data", f"{folder}/data", "--config", str(config), "--sink", f"http://127.0.0.1:{port}/events"]
            with Process.ready(command, pathlib.Path(os.environ["LOGS"]) / "alerts-service.log") as process:
                service = Service(process.told)
                tell(service)
                process.child.send_signal(signal.SIGHUP)
                until("the settings are read again", lambda: APPLIED in service.page())
                return service.page()
    finally:
        backend.shutdown()
        backend.server_close()
