"""Stands between nginx and the service and keeps what passes, byte for byte: what the service really got, for the doctor."""

import contextlib
import dataclasses
import json
import socket
import socketserver
import threading


@dataclasses.dataclass
class Exchange:
    """One request as it entered the service, and what the service answered."""

    request: bytes
    answer: bytes

    @property
    def target(self):
        return self.request.split(b" ", 2)[1].decode("ascii")

    @property
    def status(self):
        return int(self.answer.split(b" ", 2)[1])

    @property
    def code(self):
        """The problem's code; none of an answer that is no problem."""
        return json.loads(self.answer.split(b"\r\n\r\n", 1)[1]).get("code")

    def header(self, name):
        """A header of the request; several values are joined as one reads them."""
        lines = self.request.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
        return ", ".join(line.split(":", 1)[1].strip() for line in lines if line.lower().startswith(name.lower() + ":"))


def message(stream):
    """One HTTP message that has a Content-Length, or no body; empty at the end of the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + stream.read(int(lengths[0].split(b":")[1]) if lengths else 0)


class Recorder(socketserver.ThreadingTCPServer):
    """Listens at once; serves when it is told where the service is."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), None)
        self.port, self.service, self.exchanges, self.lock = self.server_address[1], None, [], threading.Lock()

    def finish_request(self, connection, _):
        with socket.create_connection(self.service) as service, contextlib.suppress(OSError):
            client, server = connection.makefile("rb"), service.makefile("rb")
            while request := message(client):
                service.sendall(request)
                answer = message(server)
                # Kept before it is passed on: whoever has the answer finds it here.
                with self.lock:
                    self.exchanges.append(Exchange(request, answer))
                connection.sendall(answer)

    def serve(self, service):
        host, port = service.removeprefix("http://").split(":")
        self.service = (host, int(port))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def callbacks(self):
        """Those of OSS, whichever path they came by."""
        with self.lock:
            return [one for one in self.exchanges if one.header("x-oss-tag") == "CALLBACK"]

    def clear(self):
        with self.lock:
            self.exchanges.clear()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
