"""The pod of deploy/k8s/base, run by podman: it gets ready, issues a grant, hears OSS's callback, and stops in time."""

import json
import os
import shutil
import subprocess
import time
import unittest
from pathlib import Path
from secrets import token_urlsafe

from lib.podman import ask, free_ports, inspect, podman, wait_for
from lib.render import K8S, ROOT, parse, text

IMAGE, RUN = os.environ["IMAGE"], Path(os.environ["RUN"])
NOBODY = 65532
# All that podman knows of what is rendered; autoscaling, Ingresses and the like take a cluster.
PODMAN_KINDS = {"ConfigMap", "Deployment"}
FILE = b"what is uploaded\n"


def make_data(folder):
    """The ledger's and the simulator's folder, with the simulator's callback key in it: the settings name its file."""
    folder.mkdir()
    command = [os.environ["BINARY"], "simulator", "--listen", "127.0.0.1:0", "--data", str(folder / "oss")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        assert "callback_key_pem" in simulator.stdout.readline()
        simulator.terminate()
    subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)


def make_secrets(folder):
    """As Kubernetes mounts them for this Deployment: readable by the group, owned by root."""
    folder.mkdir()
    made = {"jwt": token_urlsafe(48), "seal-k1": token_urlsafe(48), "database-url": "sqlite:///var/lib/oss-valet/ledger.db"}
    for name, value in made.items():
        (folder / name).write_text(value)
        (folder / name).chmod(0o440)
        shutil.chown(folder / name, "root", NOBODY)


def render(values):
    """tests/deploy/pod with its @NAMES@ filled in, as kustomize renders it over the base; what podman knows of it."""
    folder = RUN / "pod"
    folder.mkdir()
    for file in (ROOT / "tests/deploy/pod").iterdir():
        content = file.read_text()
        for name, value in values.items():
            content = content.replace(f"@{name}@", str(value))
        (folder / file.name).write_text(content)
    return [doc for doc in parse(text(folder)) if doc["kind"] in PODMAN_KINDS]


def everything_said():
    """The last words of every container."""
    runs = {name: podman("logs", "--tail", "20", name, check=False) for name in podman("ps", "--all", "--format", "{{.Names}}").split()}
    return "\n".join(f"{name}:\n{run.stdout}{run.stderr}" for name, run in runs.items())


def play(docs):
    """As one stream; JSON is YAML. Answers the pod's name, which is the Deployment's with something after it."""
    played = podman("play", "kube", "-", input="\n---\n".join(json.dumps(doc) for doc in docs), check=False)
    if played.returncode != 0:
        raise AssertionError(f"{played.stderr}\n{everything_said()}")
    (name,) = podman("pod", "ls", "--format", "{{.Name}}").split()
    return name


# The pod, made once for all.
POD = {}


def setUpModule():
    service, ops, simulator = free_ports(3)
    make_data(RUN / "data")
    make_secrets(RUN / "secrets")
    name, _, tag = IMAGE.rpartition(":")
    pod = play(render({
        "BASE": os.path.relpath(K8S / "base", RUN / "pod"), "IMAGE": name, "TAG": tag, "DATA": RUN / "data", "SECRETS": RUN / "secrets",
        "SERVICE_PORT": service, "OPS_PORT": ops, "SIMULATOR_PORT": simulator,
    }))
    POD.update(service=f"http://127.0.0.1:{service}", ops=f"http://127.0.0.1:{ops}", name=pod, container=f"{pod}-oss-valet")
    try:
        wait_for("/readyz", lambda: ask("GET", f"{POD['ops']}/readyz")[0] == 200)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{everything_said()}") from error


def tearDownModule():
    podman("pod", "rm", "--force", POD["name"], check=False)


def in_service(*command, check=True):
    return podman("exec", POD["container"], *command, check=check)


class Running(unittest.TestCase):
    def test_a_grant_is_issued_and_its_upload_completed_by_the_callback(self):
        token = in_service("oss-valet", "token", "--user", "u-1").strip()
        wanted = {"profile": "document", "filename": "a.txt", "size": len(FILE), "method": "put"}
        status, body = ask("POST", f"{POD['service']}/v1/uploads", token, wanted)
        self.assertEqual(status, 201, body)
        grant = json.loads(body)
        request = grant["request"]
        status, body = ask(request["method"], request["url"], body=FILE, headers=request["headers"])
        self.assertEqual((status, json.loads(body)["state"]), (200, "completed"), body)
        _, body = ask("GET", f"{POD['service']}/v1/uploads/{grant['id']}", token)
        self.assertEqual(json.loads(body)["completion"]["source"], "callback")

    def test_without_a_token_nothing_is_issued(self):
        self.assertEqual(ask("POST", f"{POD['service']}/v1/uploads", body={"profile": "document"})[0], 401)

    def test_operations_are_on_their_own_port_only(self):
        self.assertEqual(ask("GET", f"{POD['ops']}/livez")[0], 200)
        for path in ("/livez", "/readyz", "/metrics"):
            self.assertEqual(ask("GET", f"{POD['service']}{path}")[0], 404, path)

    def test_the_containers_are_locked_down(self):
        touched = in_service("touch", "/etc/oss-valet/x", check=False)
        self.assertIn("Read-only file system", touched.stderr)
        lines = in_service("cat", "/proc/1/status").splitlines()
        status = dict(line.split(":", 1) for line in lines)
        self.assertEqual(status["Uid"].split(), [str(NOBODY)] * 4)
        self.assertEqual({int(status[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")}, {0})
        self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))

    def test_the_image_s_own_question_finds_it_healthy(self):
        self.assertEqual(in_service("oss-valet", "healthcheck").strip(), "200")

    def test_settings_and_secrets_are_where_the_image_looks(self):
        self.assertEqual(in_service("ls", "config").split(), ["production.toml"])
        self.assertEqual(in_service("ls", "secrets").split(), ["database-url", "jwt", "seal-k1"])


class Stopping(unittest.TestCase):  # in the alphabet after Running, and so in time
    def test_it_ends_by_itself_when_asked_to(self):
        began = time.monotonic()
        podman("stop", "--time", "45", POD["container"])
        self.assertLess(time.monotonic() - began, 40)
        self.assertEqual(inspect("container", POD["container"])["State"]["ExitCode"], 0)
