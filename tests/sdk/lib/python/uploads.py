"""Whole objects under a grant; the ledger proves that the callback has come."""

import re

from expect import refused, same
from forms import form as signed_form, post
from http_answers import post_form
from situation import Callback

TYPE = "application/pdf"


def put(situation, build=Callback.built):
    grant, sample = situation.granted()
    client = situation.client(grant["key"])
    answer = client.put(grant["key"], sample.data, content_type=TYPE, callback=build(grant))
    same("status", answer.status, 200)
    situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample)


def put_stream(situation):
    grant, sample = situation.granted()
    client = situation.client(grant["key"])
    pieces = (sample.data[start:start + 10_000] for start in range(0, sample.size, 10_000))
    encodings = client.tap(lambda request: request.headers.get("Transfer-Encoding"))
    answer = client.put(grant["key"], pieces, content_type=TYPE, callback=Callback.built(grant))
    same("sent in", encodings, ["chunked"])
    situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample)


def put_callback_fails(situation):
    """A 203 is no exception in either SDK: only status and text tell."""
    grant, sample = situation.granted()
    client = situation.client(grant["key"])
    callback = Callback.built(grant, url=f"{situation.dev['service']}/nowhere")
    told_failed(client.put(grant["key"], sample.data, content_type=TYPE, callback=callback))
    same("state after all", situation.valet.complete(grant)["state"], "completed")
    situation.valet.recorded(grant, sample, source="complete")


def told_failed(answer):
    same("status", answer.status, 203)
    for told in ("<Code>CallbackFailed</Code>", "<Message>Error status : 404.", "<EC>0007-00000203</EC>"):
        same(f"{told} in {answer.text}", told in answer.text, True)


def presigned(situation, in_headers):
    grant, sample = situation.granted()
    client = situation.client(grant["key"])
    callback = Callback.built(grant)
    where = {"headers": callback.headers()} if in_headers else {"query": callback.query()}
    request = client.presign_put(grant["key"], content_type=TYPE, **where)
    answer = client.send(request, sample.data)
    same("status", answer.status, 200)
    situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample)


def presigned_for_host(situation):
    """`host` among the signed headers binds the URL to that one domain."""
    grant, sample = situation.granted()
    client = situation.client(grant["key"])
    method, url, headers = client.presign_put_for_host(grant["key"], TYPE, Callback.built(grant).query())
    elsewhere = re.sub(r"//127\.0\.0\.1:(\d+)/[^/]+/", r"//localhost:\1/", url)
    same("altered", elsewhere != url, True)
    with refused(situation.sdk, 403, "SignatureDoesNotMatch"):
        client.send((method, elsewhere, headers), sample.data)
    situation.valet.answered(client.send((method, url, headers), sample.data).json(), grant)
    situation.valet.recorded(grant, sample)


def form(situation):
    grant, sample = situation.granted()
    key, callback = grant["key"], grant["callback"]
    fields = {"callback": callback["callback"], "x-oss-content-type": TYPE} | callback["vars"]
    answer = post(situation, signed_form(situation, situation.identity(key), key, sample.size, fields), sample.data)
    situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample)


def grant_url(situation):
    """What the service has signed."""
    grant, sample = situation.granted("put")
    request = grant["request"]
    same("signed V4", "OSS4-HMAC-SHA256" in request["url"], situation.v4)
    answer = situation.client(grant["key"]).send((request["method"], request["url"], request["headers"]), sample.data)
    situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample)


def grant_form(situation):
    grant, sample = situation.granted("post")
    fields = grant["request"]["fields"]
    same("signed V4", fields.get("x-oss-signature-version") == "OSS4-HMAC-SHA256", situation.v4)
    situation.valet.answered(post_form(grant["request"]["url"], fields, sample.data).json(), grant)
    situation.valet.recorded(grant, sample)


CASES = {
    "put": put,
    "put-ready-callback": lambda situation: put(situation, build=Callback.ready),
    "put-stream": put_stream,
    "put-callback-fails": put_callback_fails,
    "presigned-callback-in-query": lambda situation: presigned(situation, in_headers=False),
    "presigned-callback-in-headers": lambda situation: presigned(situation, in_headers=True),
    "presigned-for-host": presigned_for_host,
    "form": form,
    "grant-url": grant_url,
    "grant-form": grant_form,
}
