"""The image as it was built: what is in it, how big it is, how it runs by itself."""

import os
import re
import unittest
from pathlib import Path

from lib.podman import inspect, podman, wait_for

IMAGE, BASE = os.environ["IMAGE"], os.environ["BASE_IMAGE"]
MEGABYTE = 1_000_000
MAX_OVER_BASE = 40 * MEGABYTE
# As Kubernetes would run it, and without any network.
LOCKED = ["--rm", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none"]


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = inspect("image", IMAGE)
        cls.config = cls.image["Config"]

    def test_it_is_small(self):
        over = self.image["Size"] - inspect("image", BASE)["Size"]
        print(f"{over / MEGABYTE:.1f} MB over its base", flush=True)
        self.assertLessEqual(over, MAX_OVER_BASE)

    def test_it_says_what_it_is_and_how_to_run_it(self):
        labels = {key.removeprefix("org.opencontainers.image."): value for key, value in self.config["Labels"].items()}
        for name in ("VERSION", "REVISION", "SOURCE"):
            self.assertEqual(labels[name.lower()], os.environ[name])
        self.assertEqual(labels["licenses"], "Apache-2.0")
        said = {key: self.config[key] for key in ("User", "Entrypoint", "Cmd", "WorkingDir", "StopSignal")}
        self.assertEqual(said, {
            "User": "65532:65532", "Entrypoint": ["oss-valet"], "Cmd": ["serve"], "WorkingDir": "/etc/oss-valet", "StopSignal": "SIGTERM",
        })
        self.assertEqual(set(self.config["ExposedPorts"]), {"8080/tcp", "9090/tcp"})
        self.assertEqual(self.image["Healthcheck"]["Test"], ["CMD", "oss-valet", "healthcheck"])
        self.assertFalse(self.config.get("Volumes"))

    def test_it_is_built_again_from_what_is_there(self):
        log = Path(os.environ["BUILD_LOG_AGAIN"]).read_text()
        steps = re.findall(r"STEP \d+/\d+: RUN .*cargo build.*\n--> Using cache", log)
        self.assertEqual(len(steps), 2, log)


class Running(unittest.TestCase):
    def test_it_runs_as_nobody_on_a_root_that_cannot_be_written(self):
        self.assertRegex(podman("run", *LOCKED, IMAGE, "--version"), r"^oss-valet \d+\.\d+\.\d+")
        whoami = podman("run", *LOCKED, "--entrypoint", "id", IMAGE)
        self.assertIn("uid=65532", whoami)
        touched = podman("run", *LOCKED, "--entrypoint", "touch", IMAGE, "/var/lib/oss-valet/x", check=False)
        self.assertIn("Read-only file system", touched.stderr)

    def test_it_brings_certificates_and_licence(self):
        listed = podman("run", *LOCKED, "--entrypoint", "grep", IMAGE, "-c", "BEGIN CERTIFICATE", "/etc/ssl/certs/ca-certificates.crt")
        self.assertGreater(int(listed), 100)
        self.assertIn("Apache License", podman("run", *LOCKED, "--entrypoint", "cat", IMAGE, "/usr/share/doc/oss-valet/LICENSE"))

    def test_nothing_of_its_making_is_left_in_it(self):
        found = podman("run", *LOCKED, "--entrypoint", "find", IMAGE, "/build", "/usr/local", "-type", "f", check=False)
        self.assertEqual(found.stdout, "/usr/local/bin/oss-valet\n")

    def test_without_settings_it_says_where_it_looked_for_them(self):
        run = podman("run", *LOCKED, IMAGE, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("config/production.toml", run.stderr)

    def test_a_volume_is_all_that_the_simulator_needs(self):
        """It starts as nobody on a fresh volume, which takes its owner from the image's folder."""
        name = podman("run", "-d", "--read-only", "--cap-drop=all", "--network=none", "-v", "/var/lib/oss-valet", IMAGE,
                      "simulator", "--data", "/var/lib/oss-valet").strip()
        try:
            wait_for("the simulator", lambda: '"callback_key_pem":"/var/lib/oss-valet' in podman("logs", name))
        finally:
            podman("rm", "--force", "--volumes", name)
