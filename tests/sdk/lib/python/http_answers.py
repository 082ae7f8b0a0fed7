"""Answers to requests that no SDK sends: URLs and forms that are signed already."""

import json
from dataclasses import dataclass
from xml.etree import ElementTree

import requests

from expect import Refusal


@dataclass(frozen=True)
class Answer:
    """What every way of uploading comes down to."""

    status: int
    text: str
    headers: dict

    def json(self):
        """The callback's answer; anything else says what it is."""
        if self.status != 200:
            raise AssertionError(f"{self.status} {self.text}")
        return json.loads(self.text)


class RefusedError(Exception):
    """OSS's error document, for want of an SDK that reads it."""

    def __init__(self, response):
        super().__init__(f"{response.status_code} {response.text}")
        fields = {element.tag: element.text or "" for element in ElementTree.fromstring(response.content)}
        self.refusal = Refusal(response.status_code, fields["Code"], fields["RequestId"], fields.get("EC", ""), fields["Message"])


def send(method, url, data=None, headers=None, files=None):
    response = requests.request(method, url, data=data, headers=headers, files=files, timeout=30)
    if response.status_code // 100 != 2:
        raise RefusedError(response)
    return Answer(response.status_code, response.text, response.headers)


def post_form(url, fields, data):
    parts = [(name, (None, value)) for name, value in fields.items()] + [("file", ("scan.pdf", data))]
    return send("POST", url, files=parts)
