"""The shipped configurations: OSS's callbacks verify, whatever the way."""

import json

from world import CALLBACK, OTHER, OWN, World


class Right:
    """Run as it is, and with an nginx that compresses."""

    @classmethod
    def profiles(cls, port):
        own, other = f"https://{OWN}:{port}", f"https://{OTHER}:{port}"
        return {
            "own": own + CALLBACK,
            "own-query": f"{own}{CALLBACK}?site=a%20b&x=%2f+c&x=",
            "own-escaped": f"{own}/v1/call%62acks/oss",
            "prefix": f"{other}/valet{CALLBACK}",
            "prefix-query": f"{other}/valet{CALLBACK}?site=a%20b&x=%2f+c&x=",
            "prefix-escaped": f"{other}/v%61let{CALLBACK}",
            "prefix-chinese": f"{other}/%E4%B8%8A%E4%BC%A0{CALLBACK}?%E4%B8%8A=%e4%bc%a0",
        }

    def test_a_callback_through_nginx_completes_the_upload(self):
        for profile, url in self.urls.items():
            with self.subTest(profile):
                self.recorder.clear()
                status, answer, id = self.upload(profile)
                self.assertEqual((status, json.loads(answer)["state"]), (200, "completed"), answer)
                [callback] = self.recorder.callbacks()
                self.assertEqual(callback.status, 200)
                # Stripped, or else as OSS sent it; the query in any case.
                path, _, query = callback.target.partition("?")
                self.assertEqual(path, CALLBACK if profile.startswith("prefix") else url.split(str(self.port))[1].split("?")[0])
                self.assertEqual(query, url.partition("?")[2])
                _, status, body = self.ask(f"/v1/uploads/{id}")
                self.assertEqual((status, json.loads(body)["completion"]["source"]), (200, "callback"), body)

    def test_the_doctor_finds_nothing_wrong_with_what_nginx_passed_on(self):
        for profile in self.urls:
            with self.subTest(profile):
                self.recorder.clear()
                self.upload(profile)
                [callback] = self.recorder.callbacks()
                said = self.doctor(callback.request, profile)
                self.assertTrue(said["ok"], said)

    def test_a_callback_over_http_2_is_answered_with_its_length_and_uncompressed(self):
        self.upload("own")
        [callback] = self.recorder.callbacks()
        self.recorder.clear()
        body = self.folder / "body"
        body.write_bytes(callback.request.split(b"\r\n\r\n", 1)[1])
        headers = [f"{name}: {callback.header(name)}" for name in ("Authorization", "x-oss-pub-key-url", "Content-Type")]
        version, status, answer = self.curl(
            self.urls["own"], "--http2", "--data-binary", f"@{body}", "--dump-header", str(self.folder / "head"),
            "--header", "Accept-Encoding: gzip", *(word for header in headers for word in ("--header", header)))
        self.assertEqual((version, status, json.loads(answer)["state"]), ("2", 200, "completed"), answer)
        head = (self.folder / "head").read_text().lower()
        self.assertIn(f"content-length: {len(answer)}", head)
        self.assertNotIn("content-encoding", head)


class AsItIs(Right, World):
    pass


class BehindAnNginxThatCompresses(Right, World):
    GZIP = "on"

    def test_it_does_compress(self):
        self.ask("/v1/profiles", how=["--http2", "--header", "Accept-Encoding: gzip", "--dump-header", str(self.folder / "head")])
        self.assertIn("content-encoding: gzip", (self.folder / "head").read_text().lower())
