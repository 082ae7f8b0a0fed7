"""The two official Python SDKs as clients of issued grants. Prints one JSON line per case; see ./run."""

import hashlib
import importlib.metadata
import json
import os

import alibabacloud_oss_v2 as oss
import oss2
import requests

DEV = json.loads(os.environ["OSS_VALET_DEV"])
VERSION = os.environ["OSS_VALET_SIGNATURE"]  # what the service signs with; the SDKs shall too


def main():
    for name, ways in SDKS.items():
        for way, upload in ways.items():
            row = {"sdk": f"{name} {importlib.metadata.version(name)}", "way": way, "version": VERSION, "problem": None}
            try:
                check(upload, "post" if way == "form" else "put")
            except Exception as error:  # a case that breaks in any way is a failed case, the others still run
                row["problem"] = f"{type(error).__name__}: {error}"
            print(json.dumps(row), flush=True)


def check(upload, method):
    data = os.urandom(70_001)
    grant = api("POST", "/v1/uploads", {
        "profile": "document", "method": method, "filename": "scan.pdf", "content_type": "application/pdf",
        "size": len(data), "vars": {"album": "ein Bild & 相册"},
    })
    expect("signed V4", "OSS4-HMAC-SHA256" in json.dumps(grant["request"]), VERSION == "v4")
    answer = upload(grant, data)
    expect("callback's answer: id", answer["id"], grant["id"])
    expect("callback's answer: state", answer["state"], "completed")
    known = api("GET", f"/v1/uploads/{grant['id']}")
    expect("state", known["state"], "completed")
    expect("source", known["completion"]["source"], "callback")
    expect("size", known["completion"]["size"], len(data))
    expect("type", known["completion"]["content_type"], "application/pdf")
    expect("etag", known["completion"]["etag"].strip('"'), hashlib.md5(data).hexdigest().upper())


# oss2, the first generation.


def oss2_bucket(grant):
    auth = (oss2.AuthV4 if VERSION == "v4" else oss2.Auth)(DEV["access_key_id"], DEV["access_key_secret"])
    return oss2.Bucket(auth, DEV["simulator"], grant["bucket"], region=grant["region"])


def oss2_put(grant, data):
    headers = {
        "Content-Type": grant["content_type"],
        "x-oss-callback": grant["callback"]["callback"],
        "x-oss-callback-var": grant["callback"]["callback_var"],
    }
    return answered(oss2_bucket(grant).put_object(grant["key"], data, headers=headers))


def oss2_url(grant, data):
    request = grant["request"]
    return answered(oss2_bucket(grant).put_object_with_url(request["url"], data, headers=request["headers"]))


def answered(result):
    expect("status", result.status, 200)  # 203 is no exception in oss2
    return json.loads(result.resp.read())


# alibabacloud-oss-v2, the second.


def v2_put(grant, data):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(DEV["access_key_id"], DEV["access_key_secret"])
    config.endpoint = DEV["simulator"]
    config.region = grant["region"]
    config.signature_version = VERSION
    config.use_path_style = True
    result = oss.Client(config).put_object(oss.PutObjectRequest(
        bucket=grant["bucket"], key=grant["key"], body=data, content_type=grant["content_type"],
        callback=grant["callback"]["callback"], callback_var=grant["callback"]["callback_var"],
    ))
    return json.loads(result.callback_result)


# Without an SDK's help: its users do these two with an HTTP library.


def plain_url(grant, data):
    request = grant["request"]
    return received(requests.request(request["method"], request["url"], data=data, headers=request["headers"], timeout=30))


def plain_form(grant, data):
    request = grant["request"]
    parts = [(name, (None, value)) for name, value in request["fields"].items()] + [("file", ("scan.pdf", data))]
    return received(requests.post(request["url"], files=parts, timeout=30))


def received(response):
    if response.status_code != 200:
        raise AssertionError(f"{response.status_code} {response.text}")
    return response.json()


def api(method, path, body=None):
    response = requests.request(method, DEV["service"] + path, json=body, timeout=30,
                                headers={"Authorization": f"Bearer {DEV['token']}"})
    if not response.ok:
        raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
    return response.json()


def expect(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} instead of {expected!r}")


SDKS = {
    "oss2": {"PutObject, callback headers": oss2_put, "presigned URL": oss2_url, "form": plain_form},
    "alibabacloud-oss-v2": {"PutObject, callback headers": v2_put, "presigned URL": plain_url},
}

if __name__ == "__main__":
    main()
