"""What users do, a round of each kind; all of it is answered as it should be, or it is a failure."""

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid

from processes import PATIENCE, request
from valet import Client, Failure

SECRET = b"jwt-secret-of-the-tests-0123456789abcdef"


def token(user, lifetime=300):
    """A token of its own for each caller: none of them is remembered from before."""
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    now = int(time.time())
    claims = {"iss": "tests", "sub": user, "iat": now, "exp": now + lifetime, "jti": uuid.uuid4().hex}
    text = b".".join(part(json.dumps(value).encode()) for value in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (text + b"." + part(hmac.new(SECRET, text, hashlib.sha256).digest())).decode()


def refused(what, wanted, answered):
    status, answer = answered
    if status != wanted[0] or json.loads(answer).get("code") != wanted[1]:
        raise Failure(f"{what}: {status} instead of {wanted}: {answer[:200]!r}")


class User(Client):
    """A client with rounds."""

    def __init__(self, valet, name):
        super().__init__(valet, token(name))
        self.name = name

    def by_put(self):
        self.send(self.issue("document", "put", 5, vars={"album": "42"}), b"hello")

    def by_form(self):
        self.send(self.issue("document", "post", 5), b"hello")

    def in_parts_of_one(self):
        grant = self.issue("document", "multipart", 5)
        if self.send(grant, b"hello")["state"] != "completed":
            raise Failure(f"multipart: {grant['id']} is not completed")

    def by_sts(self):
        self.send(self.issue("document", "sts", 5), b"hello")

    def while_another_waits(self):
        grant = self.issue("document", "put", 5)
        heard = []
        waiting = threading.Thread(target=lambda: heard.append(
            request("GET", f"{self.valet.url}/v1/uploads/{grant['id']}?wait=20", None, {"Authorization": f"Bearer {self.token}"}, PATIENCE)))
        waiting.start()
        self.send(grant, b"hello")
        waiting.join()
        if heard[0][0] != 200 or json.loads(heard[0][1])["state"] != "completed":
            raise Failure(f"wait: {heard[0]}")

    def with_a_key(self):
        """The same question twice is the same grant."""
        key, headers = uuid.uuid4().hex, {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        ask = json.dumps({"profile": "document", "method": "put", "filename": "a.txt"})
        answers = [request("POST", f"{self.valet.url}/v1/uploads", ask, {**headers, "Idempotency-Key": key}) for _ in range(2)]
        if [status for status, _ in answers] != [201, 201] or len({json.loads(body)["id"] for _, body in answers}) != 1:
            raise Failure(f"idempotency: {answers}")

    def listing(self):
        self.ask("GET", "/v1/uploads?limit=20")
        self.ask("GET", "/v1/profiles")

    def completing(self):
        """Not yet there, there, and said once more."""
        grant = self.issue("document", "put", 5)
        path = f"/v1/uploads/{grant['id']}/complete"
        self.ask("POST", path, {}, 409)
        self.send(grant, b"hello")
        self.ask("POST", path, {})

    def cancelling(self):
        grant = self.issue("document", "put", 5)
        self.ask("POST", f"/v1/uploads/{grant['id']}/renew", {})
        self.ask("DELETE", f"/v1/uploads/{grant['id']}", expect=204)

    def by_ticket(self):
        ticket = self.ask("POST", "/v1/tickets", {"profile": "document"}, 201)["ticket"]
        status, answer = request("GET", f"{self.valet.url}/compat/t/{ticket}/appserver/v4?profile=document")
        if status != 200 or "policy" not in json.loads(answer):
            raise Failure(f"appserver: {status}: {answer[:200]!r}")

    def with_an_expired_token(self):
        headers = {"Authorization": f"Bearer {token(self.name, -600)}"}
        refused("an expired token", (401, "unauthorized"), request("GET", f"{self.valet.url}/v1/uploads", None, headers))

    def by_a_forged_callback(self):
        """Signed by nobody."""
        headers = {"Authorization": base64.b64encode(uuid.uuid4().bytes * 4).decode(), "Content-Type": "application/x-www-form-urlencoded",
                   "x-oss-pub-key-url": base64.b64encode(self.valet.simulator["callback_key_url"].encode()).decode()}
        body = f"bucket=dev-media&object=documents/x/{uuid.uuid4()}.txt&size=5&etag=X"
        refused("a forged callback", (403, "callback_signature_invalid"), request("POST", self.valet.callback, body, headers))

    def too_much(self):
        status, answer = request("POST", f"{self.valet.url}/v1/uploads", json.dumps({"profile": "document", "size": 2**40}),
                                 {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        refused("too large", (422, "size_too_large"), (status, answer))


# How many of each in a hundred rounds.
MIX = {
    User.by_put: 20, User.by_form: 20, User.in_parts_of_one: 7, User.by_sts: 7, User.while_another_waits: 8, User.with_a_key: 6,
    User.listing: 6, User.completing: 6, User.cancelling: 5, User.by_ticket: 4, User.with_an_expired_token: 4,
    User.by_a_forged_callback: 4, User.too_much: 3,
}
# Each of them completes one upload, of which the backend is told.
COMPLETE = [User.by_put, User.by_form, User.in_parts_of_one, User.by_sts, User.while_another_waits, User.completing]
