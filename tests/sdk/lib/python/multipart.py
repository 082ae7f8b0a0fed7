"""Objects in parts, under a grant."""

import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

from expect import same
from situation import Callback
from tap import NoNetworkError
from uploads import TYPE, told_failed

PART = 100 * 1024


def part_number(request):
    """Of a request that carries a part."""
    query = parse_qs(urlsplit(request.url).query)
    return int(query["partNumber"][0]) if request.method == "PUT" and "partNumber" in query else None


def parts_sent(client, fails_at=None):
    """The numbers of the parts that the client sends from now on; from the part `fails_at` on, the network is gone."""

    def see(request):
        number = part_number(request)
        if number is not None and fails_at is not None and number >= fails_at:
            raise NoNetworkError(f"no network at part {number}")
        return number

    return client.tap(see)


def numbers(sent):
    return sorted(number for number in sent if number is not None)


def multipart(situation):
    grant, sample = situation.granted("put", 3 * PART + 7)
    client = situation.client(grant["key"])
    sent = parts_sent(client)
    answer = client.multipart(grant["key"], sample.data, PART, content_type=TYPE, callback=Callback.built(grant))
    same("status", answer.status, 200)
    same("parts sent", numbers(sent), [1, 2, 3, 4])
    if answer.text is not None:  # the second SDK's uploader keeps the callback's answer to itself
        situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample, etag=False)


def multipart_callback_fails(situation):
    grant, sample = situation.granted("put", PART + 1)
    client = situation.client(grant["key"])
    callback = Callback.built(grant, url=f"{situation.dev['service']}/nowhere")
    answer = client.multipart(grant["key"], sample.data, PART, content_type=TYPE, callback=callback)
    if answer.text is None:
        same("status", answer.status, 203)
    else:
        told_failed(answer)
    situation.valet.complete(grant)
    situation.valet.recorded(grant, sample, source="complete", etag=False)


def resumable(situation):
    """The network goes after two parts; another client, as after a restart, goes on from the SDK's checkpoint."""
    grant, sample = situation.granted("put", 4 * PART + 7)
    with tempfile.TemporaryDirectory() as folder:
        file, checkpoints = Path(folder, "scan.pdf"), Path(folder, "checkpoints")
        file.write_bytes(sample.data)
        checkpoints.mkdir()
        first = situation.client(grant["key"])
        sent = parts_sent(first, fails_at=3)
        try:
            first.resumable(grant["key"], file, checkpoints, PART, content_type=TYPE, callback=Callback.built(grant))
        except Exception as error:
            same("the SDK's error is of the network", "no network at part 3" in str(first.cause(error)), True)
        else:
            raise AssertionError("the interrupted upload went through")
        same("parts before", numbers(sent), [1, 2])

        second = situation.client(grant["key"])
        sent = parts_sent(second)
        called_back = second.resumable(grant["key"], file, checkpoints, PART, content_type=TYPE, callback=Callback.built(grant))
        same("parts after", numbers(sent), [3, 4, 5])
    if not called_back:
        situation.valet.complete(grant)
    situation.valet.recorded(grant, sample, source="callback" if called_back else "complete", etag=False)


def presigned_parts(situation):
    """Initiate, parts and complete, each by a URL that the SDK has presigned."""
    grant, sample = situation.granted("put", 2 * PART + 7)
    key, client = grant["key"], situation.client(grant["key"])
    initiated = client.send(client.presign_initiate(key, content_type=TYPE))
    upload_id = ElementTree.fromstring(initiated.text).findtext("UploadId")
    etags = []
    for number in (1, 2, 3):
        data = sample.data[(number - 1) * PART:number * PART]
        etags.append(client.send(client.presign_part(key, upload_id, number), data).headers["ETag"])
    document = "".join(f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1))
    request = client.presign_complete(key, upload_id, Callback.built(grant))
    answer = client.send(request, f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>")
    situation.valet.answered(answer.json(), grant)
    situation.valet.recorded(grant, sample, etag=False)


CASES = {
    "multipart": multipart,
    "multipart-callback-fails": multipart_callback_fails,
    "resumable": resumable,
    "presigned-parts": presigned_parts,
}
