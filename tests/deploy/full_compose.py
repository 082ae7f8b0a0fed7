"""The compose stack, started by its own script from a copy of the checkout: an upload goes through, and nothing is lost by stopping."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from lib.podman import ask, free_ports, podman, wait_for
from lib.render import ROOT

CHECKOUT = Path(os.environ["RUN"]) / "checkout"
STACK = {}


def compose(*arguments):
    command = ["podman-compose", "-f", "deploy/compose.yaml", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=STACK["environment"], capture_output=True, text=True, check=False)


def up():
    run = subprocess.run(["deploy/compose/up"], cwd=CHECKOUT, env=STACK["environment"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise AssertionError(run.stdout + run.stderr + compose("logs").stdout[-4000:])
    return run.stdout


def setUpModule():
    shutil.copytree(ROOT / "deploy", CHECKOUT / "deploy", ignore=shutil.ignore_patterns("secrets"))
    shutil.copy(ROOT / "README.md", CHECKOUT)
    service, ops, simulator = free_ports(3)
    STACK["service"], STACK["ops"], STACK["simulator"] = (f"http://127.0.0.1:{port}" for port in (service, ops, simulator))
    STACK["environment"] = os.environ | {
        "COMPOSE": "podman-compose", "OSS_VALET_IMAGE": os.environ["IMAGE"], "POSTGRES_IMAGE": os.environ["POSTGRES_IMAGE"],
        "OSS_VALET_PORT": str(service), "OSS_VALET_OPS_PORT": str(ops), "OSS_SIMULATOR_PORT": str(simulator),
    }
    STACK["said"] = up()


def tearDownModule():
    compose("down", "--volumes", "--timeout", "1")


def token():
    return STACK["said"].partition("#token=")[2].split()[0]


def uploads():
    status, body = ask("GET", f"{STACK['service']}/v1/uploads?state=completed", token())
    assert status == 200, body
    return json.loads(body)["uploads"]


class Compose(unittest.TestCase):
    def test_a_first_run_ends_with_an_upload_and_a_demo(self):
        self.assertIn('"state":"completed"', STACK["said"])
        self.assertEqual([upload["completion"]["source"] for upload in uploads()], ["callback"])
        self.assertEqual(ask("GET", f"{STACK['service']}/demo")[0], 200)
        self.assertEqual(ask("GET", f"{STACK['ops']}/readyz")[0], 200)

    def test_a_page_of_the_service_may_talk_to_the_simulator(self):
        preflight = {"Origin": STACK["service"], "Access-Control-Request-Method": "POST"}
        self.assertEqual(ask("OPTIONS", f"{STACK['simulator']}/dev-media/", headers=preflight)[0], 200)

    def test_secrets_are_nobody_else_s(self):
        secrets = CHECKOUT / "deploy/compose/secrets"
        self.assertEqual(secrets.stat().st_mode & 0o777, 0o700)
        containers = podman("ps", "--all", "--quiet").split()
        told = podman("inspect", *containers)
        for secret in secrets.iterdir():
            self.assertNotIn(secret.read_text(), told, secret.name)

    def test_what_was_uploaded_survives_taking_the_stack_down(self):
        before = {upload["id"] for upload in uploads()}
        down = compose("down")
        self.assertEqual(down.returncode, 0, down.stderr)
        self.assertEqual(podman("ps", "--quiet"), "")
        STACK["said"] = up()  # the same secrets, or the database would refuse its user
        after = wait_for("the uploads", uploads)
        self.assertEqual(len(after), len(before) + 1)
        self.assertTrue(before < {upload["id"] for upload in after})
