"""Reading back what was uploaded, and the few other things that applications do with it."""

import base64
import hashlib

from expect import refused, same
from valet import Sample


def prepared(situation, name="object.bin", **options):
    key, sample = situation.key(name), Sample.of()
    client = situation.client(key)
    client.put(key, sample.data, **options)
    return key, sample, client


def head(situation):
    key, sample, client = prepared(situation, "scan.pdf", content_type="application/pdf", headers={"x-oss-meta-album": "42"})
    headers = client.head(key)
    same("meta", headers["x-oss-meta-album"], "42")
    same("type", headers["Content-Type"], "application/pdf")
    same("size", headers["Content-Length"], str(sample.size))
    same("kind", headers["x-oss-object-type"], "Normal")


def object_meta(situation):
    key, sample, client = prepared(situation)
    headers = client.meta(key)
    same("size", headers["Content-Length"], str(sample.size))
    same("ETag", headers["ETag"], f'"{sample.md5}"')


def get(situation):
    """Both SDKs compare the CRC-64 of what they sent and got with the server's, and would raise."""
    key, sample, client = prepared(situation)
    data, crc64 = client.get(key)
    same("bytes", data, sample.data)
    same("CRC64 as the server has it", crc64, sample.crc64)
    same("bytes of a range", client.get_range(key, 100, 199), sample.data[100:200])


def crc64_check(situation):
    """The server's CRC-64 arrives with one digit changed: the SDK must not take the upload for good."""
    key, sample = situation.key(), Sample.of()
    client = situation.client(key)

    def falsify(response):
        told = response.headers["x-oss-hash-crc64ecma"]
        response.headers["x-oss-hash-crc64ecma"] = ("2" if told[0] == "1" else "1") + told[1:]

    client.adapter.falsifiers.append(falsify)
    try:
        client.put(key, sample.data)
    except Exception as error:
        same(f"{error!r} is the SDK's own", situation.sdk.is_inconsistent(error), True)
    else:
        raise AssertionError("a wrong CRC-64 went unnoticed")


def append(situation):
    key, first, second = situation.key(), Sample.of(1_000), Sample.of(2_000)
    client = situation.client(key)
    same("next position", client.append(key, 0, first.data), first.size)
    same("next position", client.append(key, first.size, second.data), first.size + second.size)
    same("bytes", client.get(key)[0], first.data + second.data)
    with refused(situation.sdk, 409, "PositionNotEqualToLength"):
        client.append(key, first.size, second.data)


def copy(situation):
    key, sample = situation.key(), Sample.of()
    client = situation.client(f"{key}*")
    client.put(key, sample.data, content_type="application/pdf")
    same("ETag", client.copy(key, f"{key}.copy"), sample.md5)
    same("bytes", client.get(f"{key}.copy")[0], sample.data)
    same("type", client.head(f"{key}.copy")["Content-Type"], "application/pdf")
    with refused(situation.sdk, 404, "NoSuchKey"):
        client.copy(f"{key}.none", f"{key}.copy")


def content_md5(situation):
    key, sample = situation.key(), Sample.of()
    client = situation.client(key)
    right = base64.b64encode(hashlib.md5(sample.data).digest()).decode()
    answer = client.put(key, sample.data, headers={"Content-MD5": right})
    same("ETag", answer.headers["ETag"], f'"{sample.md5}"')
    with refused(situation.sdk, 400, "InvalidDigest"):
        client.put(key, sample.data, headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})


def odd_key(situation):
    key, sample, client = prepared(situation, "ä b+c&d=e?f#g%2F'(h)*!~ 相册.bin")
    same("bytes", client.get(key)[0], sample.data)
    there = situation.valet.session.get(f"{situation.dev['simulator']}/-/objects/{situation.dev['bucket']}", timeout=30)
    same("stored under that key", any(key in str(entry) for entry in there.json()), True)


def forbid_overwrite(situation):
    key, sample, client = prepared(situation)
    with refused(situation.sdk, 409, "FileAlreadyExists"):
        client.put(key, sample.data, headers={"x-oss-forbid-overwrite": "true"})


def delete_and_missing(situation):
    key, _, client = prepared(situation)
    same("status", client.delete(key), 204)
    with refused(situation.sdk, 404, "NoSuchKey"):
        client.get(key)
    with refused(situation.sdk, 404, "NoSuchKey"):
        client.head(key)


CASES = {
    "head": head,
    "object-meta": object_meta,
    "get": get,
    "crc64-check": crc64_check,
    "content-md5": content_md5,
    "append": append,
    "copy": copy,
    "odd-key": odd_key,
    "forbid-overwrite": forbid_overwrite,
    "delete-and-missing": delete_and_missing,
}
