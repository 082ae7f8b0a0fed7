"""What OSS must refuse, as the SDKs tell it."""

import base64
import dataclasses
import re

from expect import clock_off, refused, same
from forms import form, post
from valet import Sample

MISMATCH = {"status": 403, "code": "SignatureDoesNotMatch", "ec": "0002-00000040"}
HOUR = 3_600


def prepared(situation, change=None, **options):
    key, sample = situation.key(), Sample.of(1_000)
    identity = situation.identity(key)
    return key, sample, situation.client(key, dataclasses.replace(identity, **(change or {})), **options)


def refused_put(situation, expected, change=None, alter=None, **options):
    """A PUT by a client that is not what it should be, or whose request is altered after signing."""
    key, sample, client = prepared(situation, change, **options)
    if alter:
        client.tap(alter)
    with refused(situation.sdk, **expected):
        client.put(key, sample.data, content_type="image/png")


def altered_header(situation):
    refused_put(situation, MISMATCH, alter=lambda request: request.headers.update({"x-oss-meta-added": "after signing"}))


def altered_type(situation):
    refused_put(situation, MISMATCH, alter=lambda request: request.headers.update({"Content-Type": "text/html"}))


def wrong_secret(situation):
    refused_put(situation, MISMATCH, {"access_key_secret": "Other30CharactersLongSecretKey"})


def unknown_key(situation):
    expected = {"status": 403, "code": "InvalidAccessKeyId", "ec": "0002-00000902"}
    refused_put(situation, expected, {"access_key_id": "LTAI5tNobodyHasThisKeyId"})


def wrong_region(situation):
    refused_put(situation, {"status": 400, "code": "InvalidArgument", "ec": "0002-00000226"}, region="cn-beijing")


def altered_url(situation, alter):
    key, sample, client = prepared(situation)
    method, url, headers = client.presign_put(key)
    altered = alter(url)
    same("altered", altered != url, True)
    with refused(situation.sdk, **MISMATCH):
        client.send((method, altered, headers), sample.data)


def longer(url):
    return re.sub(r"x-oss-expires=\d+", "x-oss-expires=3000", re.sub(r"\bExpires=(\d)", r"Expires=2\1", url))


def expired_url(situation):
    key, sample, client = prepared(situation)
    with clock_off(-HOUR):
        request = client.presign_put(key)
    with refused(situation.sdk, 403, "AccessDenied", message="Request has expired"):
        client.send(request, sample.data)


def wrong_clock(situation):
    """Neither SDK corrects it: the first tells at once, the second tries again with the same wrong clock."""
    key, sample, client = prepared(situation)
    tries = client.tap(lambda request: request.method)
    with clock_off(-HOUR), refused(situation.sdk, 403, "RequestTimeTooSkewed", ec="0002-00000504"):
        client.put(key, sample.data)
    same("tries", len(tries), situation.sdk.TRIES_WITH_WRONG_CLOCK)


def refused_form(situation, expected, alter=lambda fields, situation: fields, extra=0, lifetime=300):
    key, sample = situation.key(), Sample.of(1_000)
    fields = form(situation, situation.identity(key), key, sample.size - extra, lifetime=lifetime)
    with refused(situation.sdk, **expected):
        post(situation, alter(fields, situation), sample.data)


def other_key(fields, situation):
    return fields | {"key": situation.key()}


def widened(fields, _):
    text = base64.b64decode(fields["policy"]).decode()
    wider = re.sub(r'"content-length-range", 1, \d+', '"content-length-range", 1, 99999', text)
    same("altered", wider != text, True)
    return fields | {"policy": base64.b64encode(wider.encode()).decode()}


CASES = {
    "altered-header": altered_header,
    "altered-type": altered_type,
    "altered-url-key": lambda situation: altered_url(situation, lambda url: url.replace("object.bin", "object.bim")),
    "altered-url-query": lambda situation: altered_url(situation, longer),
    "expired-url": expired_url,
    "wrong-secret": wrong_secret,
    "unknown-key": unknown_key,
    "wrong-region": wrong_region,
    "clock-off": wrong_clock,
    "form-other-key": lambda situation: refused_form(
        situation, {"status": 403, "code": "AccessDenied", "message": r"Policy Condition failed.*\$key"}, alter=other_key),
    "form-too-large": lambda situation: refused_form(situation, {"status": 400, "code": "EntityTooLarge"}, extra=1),
    "form-expired": lambda situation: refused_form(
        situation, {"status": 403, "code": "AccessDenied", "message": "Policy expired"}, lifetime=-1),
    "form-altered-policy": lambda situation: refused_form(situation, MISMATCH, alter=widened),
}
