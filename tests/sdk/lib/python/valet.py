"""The running service, as an application sees it; and the bytes that it grants leave for."""

import hashlib
import os
from dataclasses import dataclass

import crcmod
import requests

from expect import same

# What every grant of this suite carries beside its own: neither plain ASCII nor free of the characters that encodings fight over.
ALBUM = "ein Bild & 相册 +50%"

_crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)


@dataclass(frozen=True)
class Sample:
    """Random bytes and what to expect of them."""

    data: bytes

    @classmethod
    def of(cls, size=70_001):
        return cls(os.urandom(size))

    @property
    def size(self):
        return len(self.data)

    @property
    def md5(self):
        return hashlib.md5(self.data).hexdigest().upper()

    @property
    def crc64(self):
        return str(_crc64(self.data))


class Valet:
    def __init__(self, dev):
        self.dev = dev
        self.session = requests.Session()

    def grant(self, method, sample):
        """A grant of profile `document` for the sample."""
        return self.call("POST", "/v1/uploads", {
            "profile": "document", "method": method, "filename": "scan.pdf", "content_type": "application/pdf",
            "size": sample.size, "vars": {"album": ALBUM},
        })

    def complete(self, grant, parts=None):
        """"I am done": for a client whose callback failed, or whose SDK cannot ask for one."""
        return self.call("POST", f"/v1/uploads/{grant['id']}/complete", {"parts": parts} if parts else {})

    def recorded(self, grant, sample, source="callback", etag=True):
        """The ledger holds the upload, by that way, as these bytes."""
        known = self.call("GET", f"/v1/uploads/{grant['id']}")
        same("state", known["state"], "completed")
        completion = known["completion"]
        same("source", completion["source"], source)
        same("size", completion["size"], sample.size)
        same("type", completion["content_type"], "application/pdf")
        same("CRC64", completion["crc64"], sample.crc64)
        if etag:
            same("ETag", completion["etag"].strip('"'), sample.md5)

    def answered(self, answer, grant):
        """The callback's answer has reached the uploader."""
        same("callback's answer: id", answer["id"], grant["id"])
        same("callback's answer: state", answer["state"], "completed")
        same("callback's answer: album", answer["vars"]["album"], ALBUM)

    def call(self, method, path, body=None):
        response = self.session.request(method, self.dev["service"] + path, json=body, timeout=30,
                                        headers={"Authorization": f"Bearer {self.dev['token']}"})
        if not response.ok:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()
