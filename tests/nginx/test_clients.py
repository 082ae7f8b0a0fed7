"""Clients through the shipped configurations."""

import json

from world import OTHER, World


class Clients(World):
    def test_the_api_is_there_on_its_own_host_and_below_the_prefix(self):
        for host, prefix in ((None, ""), (OTHER, "/valet")):
            with self.subTest(prefix):
                for how, version in ((["--http2"], "2"), (["--http1.1"], "1.1")):
                    said = self.ask(prefix + "/v1/profiles", how=how, **({"host": host} if host else {}))
                    self.assertEqual(said[:2], (version, 200), said)
        self.assertEqual(self.ask("/", host=OTHER)[2], b"another site")

    def test_tickets_get_into_no_access_log(self):
        _, status, body = self.ask("/v1/tickets", {"profile": "own"})
        self.assertEqual(status, 201, body)
        ticket = json.loads(body)["ticket"]
        self.curl(f"https://uploads.example.com:{self.port}/compat/t/{ticket}/appserver")
        self.ask("/v1/profiles?probe=logged")
        log = (self.folder / "access-shipped.log").read_text()
        self.assertIn("probe=logged", log)
        self.assertNotIn(ticket, log)
