"""`oss2`, the first Python SDK. Prints a line of JSON per case; see ./run."""

import io
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "lib" / "python"))

import json

import oss2
from aliyunsdkcore.client import AcsClient
from aliyunsdksts.request.v20150401.AssumeRoleRequest import AssumeRoleRequest

import http_answers
import run_cases
from expect import Refusal
from http_answers import Answer, RefusedError
from tap import Tap

NAME = "oss2"
PACKAGE = "oss2"
TRIES_WITH_WRONG_CLOCK = 1


def refusal(error):
    """What the SDK's error tells, or None when it is no refusal of OSS."""
    if isinstance(error, RefusedError):
        return error.refusal
    if isinstance(error, oss2.exceptions.ServerError):
        return Refusal(error.status, error.code, error.request_id, error.ec, error.message)
    return None


def assume_role(dev, owner, policy):
    """By `aliyun-python-sdk-sts`, as this SDK's documentation does it."""
    scheme, host = dev["simulator"].split("://")
    request = AssumeRoleRequest()
    request.set_accept_format("json")
    request.set_endpoint(host)
    request.set_protocol_type(scheme)
    request.set_RoleArn(os.environ["OSS_VALET_SDK_ROLE"])
    request.set_RoleSessionName("sdk-oss2")
    request.set_Policy(policy)
    client = AcsClient(owner.access_key_id, owner.access_key_secret, dev["region"])
    credentials = json.loads(client.do_action_with_exception(request))["Credentials"]
    return credentials["AccessKeyId"], credentials["AccessKeySecret"], credentials["SecurityToken"]


def is_inconsistent(error):
    return isinstance(error, oss2.exceptions.InconsistentError)


class Provider(oss2.credentials.CredentialsProvider):
    def __init__(self, provide):
        self.provide = provide

    def get_credentials(self):
        return oss2.credentials.Credentials(*vars(self.provide()).values())


def auth(signature, identity, provider):
    if provider:
        return (oss2.ProviderAuthV4 if signature == "v4" else oss2.ProviderAuth)(Provider(provider))
    key = identity.access_key_id, identity.access_key_secret
    if identity.security_token:
        return oss2.StsAuth(*key, identity.security_token, auth_version=signature)
    return (oss2.AuthV4 if signature == "v4" else oss2.Auth)(*key)


class Client:
    def __init__(self, dev, signature, identity, region=None, provider=None):
        self.adapter = Tap()
        self.tap = self.adapter.watch
        session = oss2.Session(adapter=self.adapter)
        self.bucket = oss2.Bucket(auth(signature, identity, provider), dev["simulator"], dev["bucket"],
                                  session=session, region=region or dev["region"])

    @staticmethod
    def cause(error):
        return error.exception

    def put(self, key, data, content_type=None, callback=None, headers=None):
        return answer(self.bucket.put_object(key, data, headers=sent(content_type, callback, headers)))

    def multipart(self, key, data, part_size, content_type, callback):
        """Parts in parallel, as the documentation's sample has them one by one."""
        upload_id = self.bucket.init_multipart_upload(key, headers={"Content-Type": content_type}).upload_id

        def upload(number):
            part = data[(number - 1) * part_size:number * part_size]
            result = self.bucket.upload_part(key, upload_id, number, io.BytesIO(part))
            return oss2.models.PartInfo(number, result.etag, size=len(part), part_crc=result.crc)

        with ThreadPoolExecutor(3) as pool:
            parts = list(pool.map(upload, range(1, -(-len(data) // part_size) + 1)))
        return answer(self.bucket.complete_multipart_upload(key, upload_id, parts, headers=callback.headers()))

    def resumable(self, key, file, checkpoints, part_size, content_type, callback):
        """Answers whether the callback came: `resumable_upload` has no way to pass it on to Complete."""
        oss2.resumable_upload(self.bucket, key, str(file), store=oss2.ResumableStore(root=str(checkpoints)),
                              headers={"Content-Type": content_type}, multipart_threshold=part_size,
                              part_size=part_size, num_threads=1)
        return False

    def presign_put(self, key, content_type=None, headers=None, query=None):
        """The slashes of the key become `%2F`: this SDK's default."""
        headers = sent(content_type, None, headers)
        return "PUT", self.bucket.sign_url("PUT", key, 300, headers=dict(headers), params=dict(query or {})), headers

    def presign_put_for_host(self, key, content_type, query):
        headers = {"Content-Type": content_type}
        signed = headers | {"host": self.bucket.endpoint.split("://")[1]}
        url = self.bucket.sign_url("PUT", key, 300, headers=signed, params=query, slash_safe=True, additional_headers={"host"})
        return "PUT", url, headers

    def presign_initiate(self, key, content_type):
        headers = {"Content-Type": content_type}
        url = self.bucket.sign_url("POST", key, 300, headers=dict(headers), params={"uploads": ""}, slash_safe=True)
        return "POST", url, headers

    def presign_part(self, key, upload_id, number):
        query = {"uploadId": upload_id, "partNumber": str(number)}
        return "PUT", self.bucket.sign_url("PUT", key, 300, params=query, slash_safe=True), {}

    def presign_complete(self, key, upload_id, callback):
        query = {"uploadId": upload_id} | callback.query()
        return "POST", self.bucket.sign_url("POST", key, 300, params=query, slash_safe=True), {}

    def send(self, request, data=None):
        method, url, headers = request
        if method == "PUT":
            return answer(self.bucket.put_object_with_url(url, data, headers=headers))
        return http_answers.send(method, url, data=data, headers=headers)

    def head(self, key):
        return self.bucket.head_object(key).headers

    def meta(self, key):
        return self.bucket.get_object_meta(key).headers

    def get(self, key):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "got")
            result = self.bucket.get_object_to_file(key, str(file))
            return file.read_bytes(), str(result.server_crc)

    def get_range(self, key, first, last):
        return self.bucket.get_object(key, byte_range=(first, last)).read()

    def append(self, key, position, data):
        return self.bucket.append_object(key, position, data).next_position

    def copy(self, source, target):
        return self.bucket.copy_object(self.bucket.bucket_name, source, target).etag

    def delete(self, key):
        return self.bucket.delete_object(key).status


def sent(content_type, callback, headers):
    headers = dict(headers or {})
    if content_type:
        headers["Content-Type"] = content_type
    return headers | (callback.headers() if callback else {})


def answer(result):
    return Answer(result.status, result.resp.read().decode(), result.headers)


if __name__ == "__main__":
    run_cases.main(sys.modules[__name__])
