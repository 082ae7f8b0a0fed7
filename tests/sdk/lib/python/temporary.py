"""What only temporary credentials can get wrong, and renewing them."""

import dataclasses

from expect import refused, same
from valet import Sample


def other_key(situation):
    client = situation.client(situation.key())
    with refused(situation.sdk, 403, "AccessDenied"):
        client.put(situation.key(), b"elsewhere")


def other_action(situation):
    key = situation.key()
    client = situation.client(key)
    with refused(situation.sdk, 403, "AccessDenied"):
        client.put(key, b"for everybody", headers={"x-oss-object-acl": "public-read"})


def refused_token(situation, token, **expected):
    key = situation.key()
    identity = situation.temporary(key)
    client = situation.client(key, dataclasses.replace(identity, security_token=token(identity.security_token)))
    with refused(situation.sdk, **expected):
        client.put(key, Sample.of(1_000).data)


def refresh(situation):
    """A provider that has other credentials each time it is asked."""
    key, given = situation.key(), []

    def provide():
        given.append(situation.temporary(key))
        return given[-1]

    client = situation.client(key, provider=provide)
    tokens = client.tap(lambda request: request.headers["x-oss-security-token"])
    for _ in range(2):
        same("status", client.put(key, b"here").status, 200)
    same("tokens sent", tokens, [identity.security_token for identity in given])
    same("renewed", len(set(tokens)), 2)


def token_header(situation):
    """When this goes through, the SDK has been mended, and the help that its clients get here can go."""
    key = situation.key()
    client = situation.client(key, helped=False)
    with refused(situation.sdk, 403, "InvalidAccessKeyId"):
        client.put(key, b"with its token in the wrong header")


CASES = {
    "sts-other-key": other_key,
    "sts-other-action": other_action,
    "sts-wrong-token": lambda situation: refused_token(
        situation, lambda token: f"x{token}", status=403, code="InvalidSecurityToken", ec="0002-00000006"),
    "sts-no-token": lambda situation: refused_token(
        situation, lambda _: None, status=403, code="InvalidAccessKeyId"),
    "sts-refresh": refresh,
    "sts-token-header": token_header,
}
