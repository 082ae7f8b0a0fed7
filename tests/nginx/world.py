"""nginx, service and simulator, as an operator would put them together; the recorder between the first two."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from processes import Nginx, Process, free_port, listens, request, until
from recorder import Recorder
from valet import settings

HERE = pathlib.Path(__file__).resolve().parent
SHIPPED = HERE.parent.parent / "deploy/nginx"
BINARY = os.environ["BINARY"]
OWN, OTHER = "uploads.example.com", "www.example.com"
CALLBACK = "/v1/callbacks/oss"


def shipped(name, *replacements):
    """A configuration as it is shipped, but for addresses and files, each of which must be in it."""
    text = (SHIPPED / name).read_text()
    for old, new in replacements:
        if old not in text:
            raise SystemExit(f"deploy/nginx/{name} has no {old!r} any more")
        text = text.replace(old, new)
    return text


def http(folder, port, recorder, gzip, others):
    """What stands in `http { … }`: both shipped files, and servers of the tests' own."""
    host = shipped(
        "oss-valet.conf",
        ("server 10.0.0.11:8080;", f"server 127.0.0.1:{recorder.port};"),
        ("server 10.0.0.12:8080;", ""),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("/etc/nginx/tls/uploads.crt", f"{folder}/server.crt"),
        ("/etc/nginx/tls/uploads.key", f"{folder}/server.key"),
        ("/var/log/nginx/access.log", f"{folder}/access-shipped.log"),
    )
    prefix = shipped("below-a-prefix.conf")
    return f"""
        gzip {gzip}; gzip_proxied any; gzip_min_length 1; gzip_types application/json;
        {host}
        server {{
            listen 127.0.0.1:{port} ssl http2; server_name {OTHER};
            ssl_certificate {folder}/server.crt; ssl_certificate_key {folder}/server.key;
            location = / {{ return 200 "another site"; }}
            {prefix}
            {prefix.replace("/valet/", "/上传/")}
        }}
        {others}"""


def authority(folder):
    """An authority of our own, and a certificate of its for both hosts."""
    def openssl(*args):
        done = subprocess.run(["openssl", *args], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"openssl {args[0]}: {done.stderr}")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=an authority of the tests")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={OWN}")
    (folder / "names").write_text(f"subjectAltName=DNS:{OWN},DNS:{OTHER}\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.crt")


def profile(name, url):
    """A profile whose callbacks go to a URL of its own."""
    return f"""
        [profiles.{name}]
        bucket = "media"
        key = "{name}/{{user_id}}/{{id}}.{{ext}}"
        methods = ["put"]
        max_size = "1 MiB"
        callback = {{ urls = ["{url}"] }}
        """


class World(unittest.TestCase):
    """One for each class of tests: what it needs of nginx, profiles by name with their callback URLs, settings of its own."""

    GZIP, SERVER, MORE = "off", "", ""

    @classmethod
    def servers(cls, recorder):
        """Servers of nginx beside the shipped ones."""
        return ""

    @classmethod
    def profiles(cls, port):
        return {"own": f"https://{OWN}:{port}{CALLBACK}"}

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="oss-valet-nginx."))
        stack.callback(shutil.rmtree, cls.folder, ignore_errors=True)
        authority(cls.folder)
        cls.port, cls.recorder = free_port(), stack.enter_context(Recorder())
        cls.urls = cls.profiles(cls.port)
        hosts = {url.split("/")[2].split(":")[0] for url in cls.urls.values()}
        simulator = [BINARY, "simulator", "--listen", "127.0.0.1:0", "--data", str(cls.folder / "oss"), "--callback-ca",
                     str(cls.folder / "ca.crt"), *(f"--callback-host={host}=127.0.0.1" for host in hosts)]
        cls.simulator = stack.enter_context(Process.ready(simulator, cls.folder / "simulator.log")).told
        server = f'workers = 1\ndrain_delay = "0s"\n{cls.SERVER}'
        profiles = "".join(profile(name, url) for name, url in cls.urls.items())
        (cls.folder / "development.toml").write_text(
            settings(cls.simulator, "127.0.0.1:0", next(iter(cls.urls.values())), profiles, server, cls.MORE))
        cls.config = ["--config", str(cls.folder), "--env", "development"]
        service = Process.ready([BINARY, "serve", "--json", *cls.config], cls.folder / "service.log", cwd=cls.folder)
        cls.recorder.serve(stack.enter_context(service).told["service"])
        conf = http(cls.folder, cls.port, cls.recorder, cls.GZIP, cls.servers(cls.recorder))
        stack.enter_context(Nginx(cls.folder / "nginx", cls.port, conf))
        until("nginx listens", lambda: listens(cls.port))
        cls.token = subprocess.run([BINARY, "token", "--user", "u-7", *cls.config], check=True, capture_output=True,
                                   text=True).stdout.strip()

    def setUp(self):
        self.recorder.clear()

    def curl(self, url, *args):
        """Status and body, over TLS by our authority; `uploads.example.com` and the others are this machine."""
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "30", "--noproxy", "*", "--cacert", str(self.folder / "ca.crt"),
             "--connect-to", "::127.0.0.1:", "--write-out", "\n%{http_version} %{http_code}", *args, url],
            capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        body, _, said = done.stdout.rpartition(b"\n")
        version, status = said.decode().split()
        return version, int(status), body

    def ask(self, path, body=None, host=OWN, how=("--http2",)):
        """Our API through nginx, with the user's token."""
        args = [*how, "--header", f"Authorization: Bearer {self.token}"]
        if body is not None:
            args += ["--header", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        return self.curl(f"https://{host}:{self.port}{path}", *args)

    def upload(self, profile):
        """Uploads a file under a grant; OSS's status, its answer to the uploader, and the grant's id."""
        version, status, body = self.ask("/v1/uploads", {"profile": profile, "filename": "a.txt", "size": 5})
        self.assertEqual((version, status), ("2", 201), body)
        grant = json.loads(body)
        put = grant["request"]
        status, answer = request(put["method"], put["url"], b"hello", put["headers"])
        return status, answer.decode(), grant["id"]

    def doctor(self, capture, profile):
        """What `verify-callback` says about a request as the service got it, as its JSON."""
        file = self.folder / "capture.http"
        file.write_bytes(capture)
        key = f"{self.simulator['callback_key_url']}={self.simulator['callback_key_pem']}"
        done = subprocess.run([BINARY, "verify-callback", "--json", "--trusted-key", key, "--public-url", self.urls[profile], str(file)],
                              capture_output=True, text=True)
        said = json.loads(done.stdout)
        self.assertEqual(said["ok"], done.returncode == 0, done.stderr)
        return said
