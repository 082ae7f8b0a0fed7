"""Clients through the shipped configurations."""

import json

from world import OTHER, OWN, World

LIMITS = """
[limits]
address_requests_per_minute = 1
address_burst = 3
"""


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
        # A request is logged before the next one of its connection is read: so both are, when the third is answered.
        base = f"https://{OWN}:{self.port}"
        self.ask("/v1/profiles", how=["--http1.1", f"{base}/compat/t/{ticket}/appserver", f"{base}/v1/profiles?probe=logged"])
        log = (self.folder / "access-shipped.log").read_text()
        self.assertIn("probe=logged", log)
        self.assertNotIn(ticket, log)


class Addressed(World):
    """Clients at addresses of their own, of which each may ask three times."""

    MORE = LIMITS

    def statuses(self, address, times, *headers):
        """What a client at this address is answered, by the front door."""
        how = ["--interface", address, *(word for header in headers for word in ("--header", header))]
        return [self.ask("/v1/profiles", how=how)[1] for _ in range(times)]


class BehindATrustedProxy(Addressed):
    SERVER = 'trusted_proxies = ["127.0.0.1"]'

    def test_each_client_is_limited_by_its_own_address(self):
        self.assertEqual(self.statuses("127.0.0.2", 4), [200, 200, 200, 429])
        self.assertEqual(self.statuses("127.0.0.3", 4), [200, 200, 200, 429])

    def test_an_address_that_a_client_makes_up_counts_for_nothing(self):
        made_up = ["X-Forwarded-For: 198.51.100.7", "X-Forwarded-For: 127.0.0.1"]
        self.assertEqual(self.statuses("127.0.0.4", 4, *made_up), [200, 200, 200, 429])
        self.assertEqual(self.statuses("127.0.0.5", 1), [200])


class BehindAProxyThatNobodyTrusts(Addressed):
    def test_all_clients_are_one(self):
        self.assertEqual(self.statuses("127.0.0.2", 3), [200, 200, 200])
        self.assertEqual(self.statuses("127.0.0.3", 1, "X-Forwarded-For: 198.51.100.7"), [429])
