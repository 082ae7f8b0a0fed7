"""One upload through a client that openapi-python-client has made from the document."""

import json
import os
import urllib.request

from valet_client import AuthenticatedClient
from valet_client.api.uploads import get_upload, issue_upload
from valet_client.models import Method, Problem, SignedUpload, State, Upload, UploadRequest

dev = json.loads(os.environ["OSS_VALET_DEV"])
client = AuthenticatedClient(base_url=dev["service"], token=dev["token"])

asked = UploadRequest(profile="document", filename="note.txt", content_type="text/plain", size=5, method=Method.PUT)
issued = issue_upload.sync(client=client, body=asked)
assert isinstance(issued, SignedUpload), issued
assert issued.request is not None
headers = issued.request.headers.additional_properties
put = urllib.request.Request(issued.request.url, data=b"hello", headers=headers, method=issued.request.method)
with urllib.request.urlopen(put) as stored:
    assert stored.status == 200

shown = get_upload.sync(issued.id, client=client, wait=5)
assert isinstance(shown, Upload), shown
assert shown.state is State.COMPLETED

refused = issue_upload.sync(client=client, body=UploadRequest(profile="nothing"))
assert isinstance(refused, Problem), refused
assert refused.code == "profile_not_allowed"
print(f"ok: {issued.key}")
