"""Hostile clients, many of each kind, in a process of their own:  attacks.py NAME ADDRESS:PORT SECONDS  ends with a line of JSON.

Each kind is a coroutine that plays one client once; it is played again and again until the time is over. What they count is what
the judge asks for: an attack that did not happen proves nothing.
"""

import asyncio
import collections
import contextlib
import json
import os
import resource
import socket
import struct
import sys
import time

MIB = 1024 * 1024
CALLBACK = "/v1/callbacks/oss"
# A ClientHello as far as a server that speaks no TLS will ever read it.
TLS = bytes.fromhex("16030100c4010000c00303") + bytes(range(185))
GARBAGE = [
    TLS,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x00" * 4096,
    bytes(range(256)) * 16,
    b"\r\n" * 4096,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\x00\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n: nameless\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx",
    b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\nx",
    b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked, identity\r\n\r\nzz",
]


class Crowd:
    """So many clients of a kind at once, from a range of addresses of this machine."""

    def __init__(self, address, seconds):
        host, port = address.rsplit(":", 1)
        self.host, self.port, self.ends = host, int(port), time.monotonic() + seconds
        self.counts, self.open, self.most, self.turns = collections.Counter(), 0, 0, 0
        self.dialling = asyncio.Semaphore(256)

    def over(self):
        return time.monotonic() >= self.ends

    @contextlib.asynccontextmanager
    async def connection(self, turn, reset=False):
        async with self.dialling:
            reader, writer = await asyncio.open_connection(
                self.host, self.port, local_addr=(f"127.0.0.{2 + turn % 20}", 0), limit=MIB)
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            yield reader, writer
        finally:
            self.open -= 1
            writer.close()

    async def one(self, kind):
        while not self.over():
            self.turns += 1
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(self.ends - time.monotonic(), 0)):
                    await kind(self, self.turns)
            except TimeoutError:
                self.counts["held to the end"] += 1
            except (OSError, asyncio.IncompleteReadError):
                self.counts["cut off"] += 1
                await asyncio.sleep(0.05)

    async def play(self, kind, clients):
        await asyncio.gather(*(self.one(kind) for _ in range(clients)))
        return {"most_at_once": self.most, "played": self.turns, **dict(sorted(self.counts.items()))}

    async def answered(self, reader):
        """Counts the status of the next answer, if one comes before the connection ends; whether it stays open."""
        line = await reader.readline()
        if not line:
            self.counts["closed without an answer"] += 1
            return False
        words = line.split()
        self.counts[f"status {words[1].decode()}" if len(words) > 1 else "nonsense"] += 1
        return True

    async def until_closed(self, reader):
        while await reader.read(65536):
            pass
        self.counts["closed"] += 1


async def idle(crowd, turn):
    """Says nothing at all."""
    async with crowd.connection(turn) as (reader, _):
        await crowd.until_closed(reader)


async def idle_after_a_request(crowd, turn):
    """Is answered once, and then says nothing more."""
    async with crowd.connection(turn) as (reader, writer):
        writer.write(b"GET /v1/profiles HTTP/1.1\r\nHost: x\r\n\r\n")
        if await crowd.answered(reader):
            await crowd.until_closed(reader)


async def slow_head(crowd, turn):
    """A header that never ends, a byte at a time."""
    async with crowd.connection(turn) as (reader, writer):
        writer.write(b"GET /v1/profiles HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        await drip(crowd, reader, writer)


async def slow_body(crowd, turn):
    """A body that is announced and comes a byte at a time; half of them as callbacks."""
    path = CALLBACK if turn % 2 else "/v1/uploads"
    async with crowd.connection(turn) as (reader, writer):
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n".encode())
        await drip(crowd, reader, writer)


async def drip(crowd, reader, writer):
    answer = asyncio.ensure_future(crowd.answered(reader))
    try:
        while not answer.done():
            writer.write(b"a")
            await writer.drain()
            await asyncio.wait([answer], timeout=0.3)
    finally:
        answer.cancel()


async def takes_no_answer(crowd, turn):
    """Asks again and again on one connection, and reads nothing."""
    async with crowd.connection(turn) as (reader, writer):
        reader._transport.pause_reading()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while True:
            writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            await writer.drain()
            crowd.counts["hundreds of requests sent"] += 1


async def oversized(crowd, turn):
    """Heads, targets and bodies beyond all measure; bodies announced, and in chunks without an end."""
    kind = turn % 4
    async with crowd.connection(turn) as (reader, writer):
        answer = asyncio.ensure_future(crowd.answered(reader))
        try:
            if kind == 0:
                writer.write(b"GET /v1/profiles HTTP/1.1\r\nHost: x\r\n")
                piece = b"X-Large: " + b"a" * 8000 + b"\r\n"
            elif kind == 1:
                writer.write(b"GET /")
                piece = b"a" * 65536
            elif kind == 2:
                writer.write(f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\nContent-Length: {256 * MIB}\r\n\r\n".encode())
                piece = b"a" * 65536
            else:
                writer.write(b"POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
            sent = 0
            while not answer.done() and sent < 32 * MIB:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
            await answer
        finally:
            answer.cancel()


async def pipelined(crowd, turn):
    """Sixty requests at once, garbage among them, and then what comes back; no more a second than two cores can answer."""
    async with crowd.connection(turn) as (reader, writer):
        good = b"GET /v1/profiles HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(good * 50 + GARBAGE[turn % len(GARBAGE)] + good * 10)
        received = 0
        while piece := await reader.read(65536):
            received += piece.count(b"HTTP/1.1 ")
        crowd.counts["answers to pipelined requests"] += received
        await asyncio.sleep(0.5)


async def garbage(crowd, turn):
    """What is no HTTP: TLS, HTTP/2, noise, lengths that can't be."""
    async with crowd.connection(turn) as (reader, writer):
        writer.write(GARBAGE[turn % len(GARBAGE)])
        if await crowd.answered(reader):
            await crowd.until_closed(reader)


async def truncated(crowd, turn):
    """Half a request, and then a reset, or a goodbye on one side only."""
    reset = turn % 2 == 0
    async with crowd.connection(turn, reset) as (reader, writer):
        whole = f"POST {CALLBACK} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n".encode() + b"a" * 100
        writer.write(whole[: 1 + turn * 7 % len(whole)])
        await writer.drain()
        if reset:
            crowd.counts["reset"] += 1
            return
        writer.write_eof()
        await crowd.answered(reader)


# How many at once, unless the run says so.
KINDS = {
    idle: 10_000, idle_after_a_request: 2_000, slow_head: 1_000, slow_body: 1_000, takes_no_answer: 100, oversized: 50,
    pipelined: 20, garbage: 100, truncated: 100,
}


def main():
    name, address, seconds, clients = sys.argv[1:]
    os.nice(5)  # on a small machine the attackers' own work must not pass for what they do to others
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    [kind] = [kind for kind in KINDS if kind.__name__ == name]

    async def run():
        return await Crowd(address, float(seconds)).play(kind, int(clients))

    print(json.dumps(asyncio.run(run())))


if __name__ == "__main__":
    main()
