"""Replaces replicas under load; see `full`. Everything on 127.0.0.1, at ports the system gives, in a folder that is removed."""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from processes import PATIENCE, Nginx, Process, free_port, request, until

HERE = pathlib.Path(__file__).parent


def behind(port, services):
    """nginx's settings: forwards to these, over connections that it keeps."""
    servers = "\n".join(f"server {service.removeprefix('http://')};" for service in services)
    return f"""
        upstream valet {{ {servers} keepalive 16; }}
        server {{
            listen 127.0.0.1:{port};
            client_max_body_size 2m;
            location / {{
                proxy_pass http://valet; proxy_http_version 1.1; proxy_set_header Connection "";
                proxy_set_header Host $http_host; proxy_read_timeout 40s;
            }}
        }}"""


class Load:
    """Clients that do what clients do, until told to stop; what they met."""

    def __init__(self, base):
        self.base = base
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.done, self.failures, self.ids = collections.Counter(), [], []

    def expect(self, what, wanted, answer):
        status, body = answer
        with self.lock:
            self.done[what] += 1
            if status != wanted:
                self.failures.append(f"{what}: {status} instead of {wanted}: {body[:200]!r}")
        return json.loads(body) if status == wanted and body else None

    def ask(self, token, method, path, body=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return request(method, self.base + path, json.dumps(body) if body is not None else None, headers)

    def run(self, token):
        while not self.stop.is_set():
            grant = self.expect("issue", 201, self.ask(token, "POST", "/v1/uploads", {
                "profile": "document", "method": "put", "filename": "a.txt", "size": 5}))
            if grant is None:
                continue
            path = f"/v1/uploads/{grant['id']}"
            waiting = threading.Thread(
                target=lambda path=path: self.expect("wait", 200, self.ask(token, "GET", f"{path}?wait=20")))
            waiting.start()
            put = grant["request"]
            # 200 and our JSON: OSS has called back, through nginx, and was answered.
            told = self.expect("upload and callback", 200, request(put["method"], put["url"], b"hello", put["headers"]))
            if told is not None and told["state"] != "completed":
                self.failures.append(f"callback: {told}")
            waiting.join()
            again = self.expect("complete", 200, self.ask(token, "POST", f"{path}/complete", {}))
            with self.lock:
                self.ids.append((token, grant["id"]))
                if again is not None and again["completion"]["source"] != "callback":
                    self.failures.append(f"its callback was not what completed it: {again}")


def settings(port, simulator, store):
    service = f"http://127.0.0.1:{port}"
    key = simulator["access_keys"][0]
    return f"""
[server]
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
public_url = "{service}"
workers = 1
drain_delay = "3s"
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "rolling"
hmac_secret = "jwt-secret-of-the-rolling-restart-0123456789"
[buckets.media]
bucket = "dev-media"
region = "cn-hangzhou"
endpoint = "{simulator['url']}"
path_style = true
credentials = "simulator"
[credentials.simulator]
kind = "static"
access_key_id = "{key['id']}"
access_key_secret = "{key['secret']}"
[profiles.document]
bucket = "media"
key = "documents/{{user_id}}/{{id}}.{{ext}}"
methods = ["put"]
max_size = "1 MiB"
[callback]
public_urls = ["{service}/v1/callbacks/oss"]
[[callback.trusted_keys]]
url = "{simulator['callback_key_url']}"
pem_file = "{simulator['callback_key_pem']}"
[[callback.seal_secrets]]
kid = "k1"
secret = "seal-secret-of-the-rolling-restart-0123456789"
[store]
url = "{store}"
[limits]
requests_per_minute = 0
address_requests_per_minute = 0
"""


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--clients", type=int, default=6)
    arguments = arguments.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="oss-valet-rolling."))
    folder.chmod(0o755)
    binary = os.path.abspath(arguments.binary)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)

        def start(how, args, name):
            return stack.enter_context(how(args, folder / f"{name}.log"))

        cluster = folder / "postgres"
        start(Process, [str(HERE.parent / "lib/postgres.sh"), "serve", str(cluster)], "postgres")
        until("PostgreSQL is ready", lambda: b"ready to accept" in (folder / "postgres.log").read_bytes())
        simulator = [binary, "simulator", "--listen", "127.0.0.1:0", "--data", str(folder / "oss")]
        simulator = start(Process.ready, simulator, "simulator").told
        port = free_port()
        store = f"postgres://valet@localhost/postgres?host={cluster}"
        (folder / "development.toml").write_text(settings(port, simulator, store))
        config = ["--config", str(folder), "--env", "development"]

        def replica(number):
            process = start(Process.ready, [binary, "serve", "--json", *config], f"replica-{number}")
            until("the replica is ready", lambda: request("GET", process.told["ops"] + "/readyz")[0] == 200)
            return process

        replicas = [replica(0), replica(1)]

        def serving(replicas):
            return behind(port, [one.told["service"] for one in replicas])

        nginx = stack.enter_context(Nginx(folder / "nginx", port, serving(replicas)))
        until("nginx listens", lambda: request("GET", f"http://127.0.0.1:{port}/v1/profiles")[0] == 401)
        load = Load(f"http://127.0.0.1:{port}")

        def token(user):
            command = [binary, "token", "--user", user, *config]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

        # Each is a user of its own: one user may wait four times at once.
        clients = [threading.Thread(target=load.run, args=[token(f"u-{n}")], daemon=True) for n in range(arguments.clients)]
        for client in clients:
            client.start()
        exits = []
        for number in range(2, 2 + 2 * arguments.rounds):
            before = sum(load.done.values())
            old = replicas.pop(0)
            replicas.append(replica(number))
            nginx.reload(serving([old, *replicas]))
            until("it gets load", lambda: sum(load.done.values()) > before + 100)
            # What a balancer does: it sees readiness fail, and sends nothing any more.
            old.child.send_signal(signal.SIGTERM)
            until("it drains", lambda: old.child.poll() is not None or request("GET", old.told["ops"] + "/readyz")[0] == 503)
            nginx.reload(serving(replicas))
            exits.append(old.child.wait(PATIENCE))
        load.stop.set()
        for client in clients:
            client.join()
        states = [load.ask(token, "GET", f"/v1/uploads/{id}") for token, id in load.ids]
        states = collections.Counter(json.loads(body)["state"] if status == 200 else status for status, body in states)
        checks = [
            ("there was load", min(load.done.values(), default=0) >= 100, dict(load.done)),
            ("no request failed", not load.failures, load.failures[:20]),
            ("every replica ended by itself, and well", exits == [0] * (2 * arguments.rounds), exits),
            ("every upload is completed", dict(states) == {"completed": len(load.ids)}, dict(states)),
        ]
        failed = [check for check in checks if not check[1]]
        for what, fine, seen in checks:
            print(f"{'ok' if fine else 'FAIL'}  {what}: {seen}")
        if failed:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}", file=sys.stderr)
        print(f"{len(checks) - len(failed)} passed, {len(failed)} failed")
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
