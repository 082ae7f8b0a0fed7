"""The Dockerfile and what goes into its context, without building it."""

import re
import subprocess
import tomllib
import unittest

from lib.render import ROOT

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
BUILD, _, IMAGE = DOCKERFILE.partition("FROM ${BASE}")


class Dockerfile(unittest.TestCase):
    def test_hadolint_has_nothing_to_say(self):
        run = subprocess.run(["hadolint", str(ROOT / "deploy/Dockerfile")], capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stdout), (0, ""))

    def test_every_builder_of_images_can_read_it(self):
        self.assertNotRegex(DOCKERFILE, r"(?mi)^#\s*syntax=")
        self.assertNotRegex(DOCKERFILE, r"<<|--link|--mount")

    def test_both_bases_can_be_replaced_and_are_pinned(self):
        defaults = re.findall(r"(?m)^ARG (BUILDER|BASE)=(\S+)$", BUILD)
        self.assertEqual([name for name, _ in defaults], ["BUILDER", "BASE"])
        for name, image in defaults:
            self.assertRegex(image, r"^docker\.io/library/[a-z]+:[a-z0-9.\-]+$", name)
            self.assertNotIn(":latest", image)

    def test_it_builds_with_the_rust_that_the_crate_asks_for(self):
        wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["rust-version"]
        self.assertIn(f"rust:{wanted}-", BUILD)

    def test_the_dependencies_are_a_layer_of_their_own(self):
        steps = re.findall(r"(?m)^(COPY|RUN) (.*)$", BUILD)
        self.assertEqual(steps[0], ("COPY", "Cargo.toml Cargo.lock ./"))
        self.assertEqual(steps[1][0], "RUN")
        self.assertIn("cargo build --release --locked", steps[1][1])
        self.assertNotIn("src", steps[0][1])

    def test_it_runs_as_nobody_and_says_how_it_is(self):
        said = dict(re.findall(r"(?m)^(USER|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD|WORKDIR) (.+)$", IMAGE))
        self.assertEqual(said, {
            "USER": "65532:65532", "EXPOSE": "8080 9090", "STOPSIGNAL": "SIGTERM", "WORKDIR": "/etc/oss-valet",
            "ENTRYPOINT": '["oss-valet"]', "CMD": '["serve"]',
        })
        self.assertRegex(IMAGE, r'(?m)^HEALTHCHECK .* CMD \["oss-valet", "healthcheck"\]$')
        self.assertNotIn("VOLUME", IMAGE)

    def test_it_carries_labels_licence_and_authorities(self):
        for label in ("version", "revision", "source", "licenses"):
            self.assertRegex(IMAGE, rf'org\.opencontainers\.image\.{label}="\$\{{[A-Z]+\}}"')
        self.assertIn("ca-certificates.crt", IMAGE)
        self.assertIn("COPY LICENSE", IMAGE)


class Context(unittest.TestCase):
    def test_nothing_goes_in_but_what_is_built(self):
        lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
        self.assertEqual(lines[0], "*")
        allowed = {line.removeprefix("!") for line in lines[1:]}
        copied = set(re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", DOCKERFILE))
        self.assertEqual(allowed, {path.split("/")[0] for paths in copied for path in paths.split()})
        for path in allowed:
            self.assertTrue((ROOT / path).exists(), path)

    def test_all_that_is_compiled_in_is_there(self):
        """Files that the program includes lie in src/, or are copied by name."""
        for source in (ROOT / "src").rglob("*.rs"):
            program = "" if source.name == "tests.rs" else source.read_text().partition("#[cfg(test)]\nmod tests {")[0]
            for included in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', program):
                path = (source.parent / included).resolve().relative_to(ROOT)
                self.assertTrue(path.parts[0] == "src" or str(path) in BUILD, f"{source}: {path}")
