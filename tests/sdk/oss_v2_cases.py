"""`alibabacloud-oss-v2`, the second Python SDK. Prints a line of JSON per case; see ./run."""

import datetime
import io
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "lib" / "python"))

import alibabacloud_oss_v2 as oss
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_sts20150401.models import AssumeRoleRequest
from alibabacloud_tea_openapi.models import Config as StsConfig

import http_answers
import run_cases
from expect import Refusal
from http_answers import Answer, RefusedError
from tap import Tap

NAME = "alibabacloud-oss-v2"
PACKAGE = "alibabacloud-oss-v2"
TRIES_WITH_WRONG_CLOCK = 3  # it counts the refusal as one that may pass


def cause(error):
    while isinstance(error, (oss.exceptions.OperationError, oss.UploadError)):
        error = error.unwrap()
    return error


def is_inconsistent(error):
    return isinstance(cause(error), oss.exceptions.InconsistentError)


def refusal(error):
    """What the SDK's error tells, or None when it is no refusal of OSS."""
    error = cause(error)
    if isinstance(error, RefusedError):
        return error.refusal
    if isinstance(error, oss.exceptions.ServiceError):
        return Refusal(error.status_code, error.code, error.request_id, error.ec, error.message)
    return None


def assume_role(dev, owner, policy):
    """By `alibabacloud_sts20150401`, as this SDK's documentation does it."""
    scheme, host = dev["simulator"].split("://")
    config = StsConfig(access_key_id=owner.access_key_id, access_key_secret=owner.access_key_secret, endpoint=host, protocol=scheme)
    request = AssumeRoleRequest(role_arn=os.environ["OSS_VALET_SDK_ROLE"], role_session_name="sdk-oss-v2", policy=policy)
    credentials = StsClient(config).assume_role(request).body.credentials
    return credentials.access_key_id, credentials.access_key_secret, credentials.security_token


def credentials_provider(identity, provider):
    if provider:
        return oss.credentials.CredentialsProviderFunc(lambda: oss.credentials.Credentials(*vars(provider()).values()))
    return oss.credentials.StaticCredentialsProvider(*vars(identity).values())


class Client:
    def __init__(self, dev, signature, identity, region=None, provider=None, helped=True):
        self.adapter = Tap()
        self.tap = self.adapter.watch
        config = oss.config.load_default()
        config.credentials_provider = credentials_provider(identity, provider)
        config.endpoint, config.region = dev["simulator"], region or dev["region"]
        config.signature_version = signature
        config.http_client = oss.transport.RequestsHttpClient(adapter=self.adapter)
        self.where = {"bucket": dev["bucket"]}
        self.presigner = oss.Client(config)
        if signature == "v1" and identity.security_token and helped:
            # Its V1 sends the token of a request as `security-token`, which OSS does not read (1.4.1).
            config.default_request_headers = {"x-oss-security-token": identity.security_token}
        self.client = oss.Client(config)

    @staticmethod
    def cause(error):
        return error

    def put(self, key, data, content_type=None, callback=None, headers=None):
        result = self.client.put_object(self.put_request(key, content_type, callback, headers=headers, body=data))
        return Answer(result.status_code, result.callback_result, result.headers)

    def put_request(self, key, content_type=None, callback=None, **more):
        asked = {"callback": callback.callback, "callback_var": callback.callback_var} if callback else {}
        given = {name: value for name, value in more.items() if value}
        return oss.PutObjectRequest(**self.where, key=key, content_type=content_type, **asked, **given)

    def multipart(self, key, data, part_size, content_type, callback):
        """The uploader's result has no place for the callback's answer."""
        uploader = self.client.uploader(part_size=part_size, parallel_num=3)
        result = uploader.upload_from(self.put_request(key, content_type, callback), io.BytesIO(data))
        return Answer(result.status_code, None, result.headers)

    def resumable(self, key, file, checkpoints, part_size, content_type, callback):
        """Answers whether the callback was asked for."""
        uploader = self.client.uploader(part_size=part_size, parallel_num=1, enable_checkpoint=True, checkpoint_dir=f"{checkpoints}/")
        uploader.upload_file(self.put_request(key, content_type, callback), str(file))
        return True

    def presign(self, request):
        result = self.presigner.presign(request, expires=datetime.timedelta(seconds=300))
        return result.method, result.url, dict(result.signed_headers)

    def presign_put(self, key, content_type=None, headers=None, query=None):
        return self.presign(self.put_request(key, content_type, headers=headers, parameters=query))

    def presign_initiate(self, key, content_type):
        return self.presign(oss.InitiateMultipartUploadRequest(**self.where, key=key, content_type=content_type))

    def presign_part(self, key, upload_id, number):
        return self.presign(oss.UploadPartRequest(**self.where, key=key, upload_id=upload_id, part_number=number))

    def presign_complete(self, key, upload_id, callback):
        return self.presign(oss.CompleteMultipartUploadRequest(
            **self.where, key=key, upload_id=upload_id, callback=callback.callback, callback_var=callback.callback_var))

    def send(self, request, data=None):
        """The SDK has no call for a URL that is signed already: its documentation takes `requests`."""
        method, url, headers = request
        return http_answers.send(method, url, data=data, headers=headers)

    def head(self, key):
        return self.client.head_object(oss.HeadObjectRequest(**self.where, key=key)).headers

    def meta(self, key):
        return self.client.get_object_meta(oss.GetObjectMetaRequest(**self.where, key=key)).headers

    def get(self, key):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "got")
            result = self.client.get_object_to_file(oss.GetObjectRequest(**self.where, key=key), str(file))
            return file.read_bytes(), result.hash_crc64

    def get_range(self, key, first, last):
        request = oss.GetObjectRequest(**self.where, key=key, range_header=f"bytes={first}-{last}")
        with self.client.get_object(request).body as body:
            return body.read()

    def append(self, key, position, data):
        return self.client.append_object(oss.AppendObjectRequest(**self.where, key=key, position=position, body=data)).next_position

    def copy(self, source, target):
        return self.client.copy_object(oss.CopyObjectRequest(**self.where, key=target, source_key=source)).etag.strip('"')

    def delete(self, key):
        return self.client.delete_object(oss.DeleteObjectRequest(**self.where, key=key)).status_code


if __name__ == "__main__":
    run_cases.main(sys.modules[__name__])
