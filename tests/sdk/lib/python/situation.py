"""What a case gets: clients of the SDK as its users make them, the service, keys and bytes."""

import base64
import json
import uuid
from dataclasses import dataclass
from functools import cached_property

from valet import Sample, Valet

# Uploads, reads and clears up one object, as the service's own session policies do it.
ACTIONS = [f"oss:{action}" for action in ("PutObject", "GetObject", "DeleteObject", "AbortMultipartUpload", "ListParts")]


@dataclass(frozen=True)
class Identity:
    access_key_id: str
    access_key_secret: str
    security_token: str | None = None


class Situation:
    def __init__(self, sdk, dev, signature, credentials):
        self.sdk, self.dev, self.signature, self.credentials = sdk, dev, signature, credentials
        self.valet = Valet(dev)

    @property
    def v4(self):
        return self.signature == "v4"

    def granted(self, method="put", size=70_001):
        """A grant, and bytes for it."""
        sample = Sample.of(size)
        return self.valet.grant(method, sample), sample

    def key(self, name="object.bin"):
        """A key that no grant has."""
        return f"sdk/{self.sdk.NAME}/{self.signature}-{self.credentials}/{uuid.uuid4()}/{name}"

    def client(self, key, identity=None, **options):
        """A client that may do everything (static keys), or everything with this key (temporary credentials for it)."""
        return self.sdk.Client(self.dev, self.signature, identity or self.identity(key), **options)

    def identity(self, key):
        return self.temporary(key) if self.credentials == "sts" else self.owner

    @cached_property
    def owner(self):
        return Identity(self.dev["access_key_id"], self.dev["access_key_secret"])

    def temporary(self, key):
        """Temporary credentials, limited to the key, as an application's server gets them."""
        resource = f"acs:oss:*:*:{self.dev['bucket']}/{key}"
        policy = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": [resource]}]}
        return Identity(*self.sdk.assume_role(self.dev, self.owner, json.dumps(policy)))


@dataclass(frozen=True)
class Callback:
    """What goes into `x-oss-callback` and `x-oss-callback-var`, or into the query."""

    callback: str
    callback_var: str

    @classmethod
    def ready(cls, grant):
        """As the grant has it."""
        return cls(grant["callback"]["callback"], grant["callback"]["callback_var"])

    @classmethod
    def built(cls, grant, url=None):
        """As the SDK's documentation has its users build it: JSON, in Base64."""
        callback = grant["callback"]
        parameters = {
            "callbackUrl": url or callback["url"], "callbackBody": callback["body"],
            "callbackBodyType": callback["body_type"], "callbackSNI": callback["sni"],
        }
        return cls(encoded(parameters), encoded(callback["vars"]))

    def headers(self):
        return {"x-oss-callback": self.callback, "x-oss-callback-var": self.callback_var}

    def query(self):
        return {"callback": self.callback, "callback-var": self.callback_var}


def encoded(parameters):
    return base64.b64encode(json.dumps(parameters).encode()).decode()
