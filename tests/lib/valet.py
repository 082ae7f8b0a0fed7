"""The service over SQLite, and an OSS simulator, each a process of its own in a folder that is removed."""

import base64
import contextlib
import email.utils
import hashlib
import hmac
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
import uuid

from processes import PATIENCE, Process, free_port, request, until

SETTINGS = """
[server]
listen = "{listen}"
ops_listen = "127.0.0.1:0"
{server}
[auth]
algorithms = ["HS256"]
[[auth.issuers]]
issuer = "tests"
hmac_secret = "jwt-secret-of-the-tests-0123456789abcdef"
[buckets.media]
bucket = "dev-media"
region = "cn-hangzhou"
endpoint = "{simulator[url]}"
path_style = true
credentials = "simulator"
sts_credentials = "uploads"
[credentials.simulator]
kind = "static"
access_key_id = "{key[id]}"
access_key_secret = "{key[secret]}"
[credentials.uploads]
kind = "assume_role"
source = "simulator"
role_arn = "{simulator[roles][0][arn]}"
sts_endpoint = "{simulator[sts]}"
{profiles}
[callback]
public_urls = ["{callback}"]
[[callback.trusted_keys]]
url = "{simulator[callback_key_url]}"
pem_file = "{simulator[callback_key_pem]}"
[[callback.seal_secrets]]
kid = "k1"
secret = "seal-secret-of-the-tests-0123456789abcdef"
[store]
url = "sqlite://ledger.db"
{more}
"""


def settings(simulator, listen, callback, profiles, server="", more=""):
    """A whole configuration; `server` stands in `[server]`, `more` at the end."""
    return SETTINGS.format(simulator=simulator, key=simulator["access_keys"][0], listen=listen, callback=callback,
                           profiles=profiles, server=server, more=more)


class Valet:
    """Both processes; a context manager."""

    def __init__(self, binary, profiles, server="", more="", name="valet"):
        self.binary, self.stack = str(pathlib.Path(binary).resolve()), contextlib.ExitStack()
        with contextlib.ExitStack() as starting:
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"oss-valet-{name}."))
            starting.callback(shutil.rmtree, self.folder, ignore_errors=True)
            listen = f"127.0.0.1:{free_port()}"
            simulator = [self.binary, "simulator", "--listen", "127.0.0.1:0", "--data", str(self.folder / "oss")]
            simulator = starting.enter_context(Process.ready(simulator, self.folder / "simulator.log"))
            self.simulator = simulator.told
            self.callback = f"http://{listen}/v1/callbacks/oss"
            self.file = self.folder / "development.toml"
            self.file.write_text(settings(self.simulator, listen, self.callback, profiles, server, more))
            self.config = ["--config", str(self.folder), "--env", "development"]
            serve = [self.binary, "serve", "--json", *self.config]
            self.process = starting.enter_context(Process.ready(serve, self.folder / "service.log", cwd=self.folder))
            self.url, self.ops = self.process.told["service"], self.process.told["ops"]
            until("the service is ready", lambda: request("GET", self.ops + "/readyz")[0] == 200)
            self.stack = starting.pop_all()

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return (self.folder / "service.log").read_text(errors="replace")

    def token(self, user, ttl="2h"):
        command = [self.binary, "token", "--user", user, "--ttl", ttl, *self.config]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder).stdout.strip()

    def reload(self):
        self.process.child.send_signal(signal.SIGHUP)

    def stop(self):
        """Asks the service to end, and says how it did."""
        return self.process.end()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        return self.stack.__exit__(*failure)


class Failure(Exception):
    """Something was answered otherwise than it should be."""


class Client:
    """One user: what clients do, over connections of their own; raises `Failure` where it is not answered as it should be."""

    def __init__(self, valet, token):
        self.valet, self.token = valet, token

    def ask(self, method, path, body=None, expect=200, token=None):
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        body = json.dumps(body) if body is not None else None
        status, answer = request(method, self.valet.url + path, body, headers, PATIENCE)
        if status != expect:
            raise Failure(f"{method} {path}: {status} instead of {expect}: {answer[:200]!r}")
        return json.loads(answer) if answer else None

    def issue(self, profile, method, size, **more):
        ask = {"profile": profile, "method": method, "filename": "a.txt", "size": size, **more}
        return self.ask("POST", "/v1/uploads", ask, 201)

    def send(self, grant, content):
        """The bytes, straight to OSS, as the method wants; what OSS answers when it has called back."""
        return {"put": self.put, "post": self.post, "sts": self.by_session, "multipart": self.in_parts}[grant["method"]](grant, content)

    def put(self, grant, content):
        sent = grant["request"]
        return called_back(request("PUT", sent["url"], content, sent["headers"], PATIENCE))

    def post(self, grant, content):
        sent, border = grant["request"], uuid.uuid4().hex
        part = '--{}\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'.format
        fields = "".join(part(border, name, "") + f"{value}\r\n" for name, value in sent["fields"].items())
        body = (fields + part(border, "file", '; filename="a.txt"')).encode() + content + f"\r\n--{border}--\r\n".encode()
        return called_back(request("POST", sent["url"], body, {"Content-Type": f"multipart/form-data; boundary={border}"}, PATIENCE))

    def by_session(self, grant, content):
        """A PUT signed (V1) with the grant's temporary credentials."""
        session, date = grant["credentials"], email.utils.formatdate(usegmt=True)
        oss = {"x-oss-callback": grant["callback"]["callback"], "x-oss-callback-var": grant["callback"]["callback_var"],
               "x-oss-security-token": session["security_token"]}
        named = "".join(f"{name}:{value}\n" for name, value in sorted(oss.items()))
        text = f"PUT\n\n{grant['content_type']}\n{date}\n{named}/{grant['bucket']}/{grant['key']}"
        mac = hmac.new(session["access_key_secret"].encode(), text.encode(), hashlib.sha1).digest()
        headers = {**oss, "Content-Type": grant["content_type"], "Date": date,
                   "Authorization": f"OSS {session['access_key_id']}:{base64.b64encode(mac).decode()}"}
        url = f"{self.valet.simulator['url']}/{grant['bucket']}/{urllib.parse.quote(grant['key'])}"
        return called_back(request("PUT", url, content, headers, PATIENCE))

    def in_parts(self, grant, content):
        """One part, and joined by us; the grant, completed."""
        path = f"/v1/uploads/{grant['id']}"
        [part] = self.ask("POST", f"{path}/parts", {"part_numbers": [1]})["parts"]
        status, answer = request("PUT", part["url"], content, part["headers"], PATIENCE)
        if status != 200:
            raise Failure(f"a part: {status}: {answer[:200]!r}")
        return self.ask("POST", f"{path}/complete", {})


def called_back(answered):
    """The callback's answer, which OSS hands on."""
    status, answer = answered
    if status != 200 or json.loads(answer)["state"] != "completed":
        raise Failure(f"upload and callback: {status}: {answer[:300]!r}")
    return json.loads(answer)
