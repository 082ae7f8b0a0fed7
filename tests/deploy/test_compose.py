"""The compose file, its settings and its secrets, without running it."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from lib.config import check
from lib.policies.settings import SECRET_TEXTS
from lib.render import ROOT

DEPLOY = ROOT / "deploy"
FILE = DEPLOY / "compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES = COMPOSE["services"]
OURS = ("oss-valet", "simulator")


def make_secrets(folder):
    subprocess.run([DEPLOY / "compose/make-secrets", folder], check=True)
    return {file.name: file.read_text() for file in Path(folder).iterdir()}


class Compose(unittest.TestCase):
    def test_it_is_a_compose_file(self):
        run = subprocess.run(["podman-compose", "-f", str(FILE), "config"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(set(yaml.safe_load(run.stdout)["services"]), {"oss-valet", "postgres", "simulator"})

    def test_only_this_machine_reaches_it(self):
        for name, service in SERVICES.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port}")
        self.assertNotIn("ports", SERVICES["postgres"])

    def test_everything_tells_how_it_is_and_waits_for_what_it_needs(self):
        for name, service in SERVICES.items():
            self.assertIn("test", service["healthcheck"], name)
        needed = {name: need["condition"] for name, need in SERVICES["oss-valet"]["depends_on"].items()}
        self.assertEqual(needed, {"postgres": "service_healthy", "simulator": "service_healthy"})

    def test_our_containers_are_locked_down(self):
        for name in OURS:
            service = SERVICES[name]
            self.assertEqual((service["read_only"], service["cap_drop"]), (True, ["ALL"]), name)
        for name, service in SERVICES.items():
            self.assertIn("no-new-privileges:true", service["security_opt"], name)
            self.assertNotIn("privileged", service)

    def test_requests_get_their_grace(self):
        self.assertGreaterEqual(int(SERVICES["oss-valet"]["stop_grace_period"].removesuffix("s")), 35)


class Secrets(unittest.TestCase):
    def test_they_are_files_and_nothing_else(self):
        self.assertNotRegex(FILE.read_text(), SECRET_TEXTS)
        for service in SERVICES.values():
            for name in service.get("environment", {}):
                self.assertNotRegex(name, r"PASSWORD$|SECRET|STORE__URL")
        for name, secret in COMPOSE["secrets"].items():
            self.assertEqual(secret, {"file": f"./compose/secrets/{name}"})
        git = subprocess.run(["git", "check-ignore", "-q", DEPLOY / "compose/secrets/seal"], cwd=ROOT, check=False)
        self.assertEqual(git.returncode, 0, "compose/secrets is not ignored by git")

    def test_what_is_mounted_is_what_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            made = make_secrets(folder)
        used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
        self.assertEqual((set(made), set(COMPOSE["secrets"])), (used, used))

    def test_they_are_random_and_made_once(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            first, again, others = make_secrets(one), make_secrets(one), make_secrets(other)
            self.assertEqual(Path(one).stat().st_mode & 0o777, 0o700)
        self.assertEqual(first, again)
        for name in first:
            self.assertNotEqual(first[name], others[name], name)
            self.assertGreaterEqual(len(first[name]), 32, name)
        self.assertEqual(len(set(first.values())), len(first))
        self.assertIn(f":{first['postgres-password']}@postgres:5432/", first["database-url"])


class Settings(unittest.TestCase):
    def found(self, content):
        with tempfile.TemporaryDirectory() as folder:
            secrets = make_secrets(folder)
        key = (ROOT / "tests/vectors/keys/rsa512.public.pem").read_text()
        said = {name: re.sub(r"\$\{\w+:-(\d+)\}", r"\1", value) for name, value in SERVICES["oss-valet"]["environment"].items()}
        files = {**secrets, "callback_pub_key_v1.pem": key}
        return check(content, said["OSS_VALET_ENV"], said, ["/run/secrets", "/var/lib/oss-simulator"], files)

    def test_check_finds_no_fault_and_only_the_doubts_that_a_simulator_deserves(self):
        found = self.found((DEPLOY / "compose/config/development.toml").read_text())
        self.assertEqual(found["faults"], 0, found["findings"])
        doubts = sorted(finding["key"] for finding in found["findings"])
        self.assertEqual(doubts, ["buckets.media.endpoint", "callback.public_urls", "callback.trusted_keys"])

    def test_check_would_tell_a_wrong_key(self):
        content = (DEPLOY / "compose/config/development.toml").read_text()
        self.assertGreater(self.found(content.replace("seal_secrets", "seals"))["faults"], 0)


class Scripts(unittest.TestCase):
    def test_they_are_programs_that_bash_can_read(self):
        for script in [DEPLOY / "dev", DEPLOY / "compose/up", DEPLOY / "compose/make-secrets"]:
            self.assertTrue(script.stat().st_mode & 0o100, script)
            subprocess.run(["bash", "-n", script], check=True)

    def test_up_says_what_is_missing(self):
        environment = {"PATH": "/usr/bin:/bin", "COMPOSE": "no-such-compose"}
        run = subprocess.run([DEPLOY / "compose/up"], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("'no-such-compose' does not work here.", run.stderr)
        self.assertFalse(run.stdout)
