"""Raw HTTP to a daemon's socket, and its event stream read as a browser would."""
import json
import os
import socket
import time


def connect(p):
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(p.state)  # a path of a socket is short
    try:
        s.connect("rota.sock")
    finally:
        os.chdir(here)
    return s


def connect_port(host):
    name, _, port = host.rpartition(":")
    return socket.create_connection((name, int(port)))


class Answer:
    def __init__(self, raw):
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.body = unchunked(body) if self.headers.get("transfer-encoding") == "chunked" else body

    def json(self):
        return json.loads(self.body)


def unchunked(body):
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        out += body[:length]
        body = body[length + 2:]
    return out


def ask(p, method, path, body=None, timeout=60, port=False, **headers):
    """One request on a connection of its own, to the socket or the port; header names are written with _ for -."""
    host = p.url.removeprefix("http://") if port else "localhost"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    data = b""
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    with connect_port(host) if port else connect(p) as s:
        s.settimeout(timeout)
        s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        raw = b""
        while True:
            part = s.recv(1 << 20)
            if not part:
                return Answer(raw)
            raw += part


class Events:
    """GET /api/v1/stream. `next` gives (event, id or None, data) in order."""

    def __init__(self, p, last=None, query="", token=None):
        """Over the socket, or with a token over the port."""
        host = p.url.removeprefix("http://") if token else "localhost"
        self.socket = connect_port(host) if token else connect(p)
        lines = f"Host: {host}\r\n"
        lines += f"Last-Event-ID: {last}\r\n" if last is not None else ""
        lines += f"Authorization: Bearer {token}\r\n" if token else ""
        self.socket.sendall(f"GET /api/v1/stream{query} HTTP/1.1\r\n{lines}\r\n".encode())
        self.raw = self.text = b""
        self.head = None
        self.last = None
        self.closed = self.ended = False

    def feed(self, timeout):
        self.socket.settimeout(max(timeout, 0.001))
        try:
            part = self.socket.recv(1 << 16)
        except (TimeoutError, socket.timeout):
            return
        except ConnectionError:
            part = b""
        self.closed = self.closed or not part
        self.raw += part
        if self.head is None:
            if b"\r\n\r\n" not in self.raw:
                return
            self.head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        if b"chunked" not in self.head:
            return
        while b"\r\n" in self.raw:
            size, _, rest = self.raw.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            self.ended = self.ended or length == 0
            self.text += rest[:length]
            self.raw = rest[length + 2:]

    def next(self, seconds=10):
        end = time.monotonic() + seconds
        while b"\n\n" not in self.text:
            if self.closed:
                raise AssertionError("the stream was closed")
            if time.monotonic() > end:
                raise AssertionError(f"no event within {seconds} s")
            self.feed(end - time.monotonic())
        block, _, self.text = self.text.partition(b"\n\n")
        fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
        number = int(fields["id"]) if "id" in fields else None
        if number is not None:
            self.last = number
        return fields["event"], number, json.loads(fields["data"])

    def until(self, event, condition=lambda data: True, seconds=10):
        """The data of the first such event for which the condition holds."""
        end = time.monotonic() + seconds
        while True:
            name, _, data = self.next(max(end - time.monotonic(), 0.001))
            if name == event and condition(data):
                return data

    def close(self):
        self.socket.close()
