"""PostObject: neither SDK has a call for it; the policy is signed as the SDKs' documentation shows it."""

import base64
import datetime
import hashlib
import hmac
import json

from http_answers import post_form


def form(situation, identity, key, size, fields=None, lifetime=300):
    """A form for one key; `fields` are pinned."""
    dev, now = situation.dev, datetime.datetime.now(datetime.timezone.utc)
    pinned = {"key": key, "success_action_status": "200"} | (fields or {})
    if identity.security_token:
        pinned["x-oss-security-token"] = identity.security_token
    if situation.v4:
        scope = f"{now:%Y%m%d}/{dev['region']}/oss/aliyun_v4_request"
        pinned["x-oss-signature-version"] = "OSS4-HMAC-SHA256"
        pinned["x-oss-credential"] = f"{identity.access_key_id}/{scope}"
        pinned["x-oss-date"] = f"{now:%Y%m%dT%H%M%SZ}"
    policy = {
        "expiration": f"{now + datetime.timedelta(seconds=lifetime):%Y-%m-%dT%H:%M:%S.000Z}",
        "conditions": [{"bucket": dev["bucket"]}, ["content-length-range", 1, size],
                       *(["eq", f"${name}", value] for name, value in pinned.items())],
    }
    text = base64.b64encode(json.dumps(policy).encode()).decode()
    if situation.v4:
        return pinned | {"policy": text, "x-oss-signature": _v4(identity, scope, text)}
    signature = base64.b64encode(hmac.digest(identity.access_key_secret.encode(), text.encode(), hashlib.sha1)).decode()
    return pinned | {"policy": text, "OSSAccessKeyId": identity.access_key_id, "Signature": signature}


def _v4(identity, scope, text):
    key = f"aliyun_v4{identity.access_key_secret}".encode()
    for part in [*scope.split("/"), text]:
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key.hex()


def post(situation, fields, data):
    return post_form(f"{situation.dev['simulator']}/{situation.dev['bucket']}/", fields, data)
