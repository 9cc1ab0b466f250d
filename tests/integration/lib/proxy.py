"""A TCP proxy that fails on purpose: it delays, stalls, cuts after a number of bytes, resets.

`up` is from the client to the server, `down` the other way. All of it needs no privilege, unlike tc and iptables. Each
connection has four threads, which is enough for tests and no more.
"""
import contextlib
import queue
import socket
import struct
import threading
import time

DIRECTIONS = ("up", "down")


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes all on to (host, port). What it does wrong can be changed while
    it runs and holds for all connections: `delay` in seconds, a Boolean for `refuse`, and by direction `cut_after`, a
    number of bytes of each connection after which it is ended, orderly or, with `reset`, by a reset. `plan` is a list of
    such ends, (direction, bytes, reset), of which each new connection takes the first; `cuts` counts those that came."""

    def __init__(self, port, host="127.0.0.1", delay=0.0, cut_up=None, cut_down=None, reset=False):
        self.target = (host, port)
        self.delay = delay
        self.refuse = False
        self.reset = reset
        self.cut_after = {"up": cut_up, "down": cut_down}
        self.plan, self.cuts = [], 0
        self.passed = {"up": 0, "down": 0}  # bytes of all connections
        self.accepted = 0
        self.flowing = {direction: threading.Event() for direction in DIRECTIONS}
        for event in self.flowing.values():
            event.set()
        self.lock = threading.Lock()
        self.connections = set()
        self.closed = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def stall(self, *directions):
        """Passes nothing on any more, and keeps the connections; without a direction in both."""
        for direction in directions or DIRECTIONS:
            self.flowing[direction].clear()

    def resume(self):
        for event in self.flowing.values():
            event.set()

    def cut(self, reset=False):
        """Ends all connections that there are."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.end(reset)

    def close(self):
        self.closed = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.resume()
        self.cut()

    def accept(self):
        while not self.closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refuse:
                client.close()
                continue
            try:
                server = socket.create_connection(self.target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, client, server)
            with self.lock:
                self.connections.add(connection)
            connection.start()


class Connection:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.planned = proxy.plan.pop(0) if proxy.plan else None
        self.ended = False

    def start(self):
        for direction, source, sink in (("up", self.client, self.server), ("down", self.server, self.client)):
            waiting = queue.Queue(maxsize=64)
            threading.Thread(target=self.read, args=(direction, source, waiting), daemon=True).start()
            threading.Thread(target=self.write, args=(direction, sink, waiting), daemon=True).start()

    def read(self, direction, source, waiting):
        while True:
            try:
                block = source.recv(65536)
            except OSError:
                block = b""
            waiting.put((time.monotonic() + self.proxy.delay, block))
            if not block:
                return

    def write(self, direction, sink, waiting):
        passed = 0
        while True:
            due, block = waiting.get()
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.proxy.flowing[direction].wait()
            limit, reset = self.proxy.cut_after[direction], self.proxy.reset
            if self.planned and self.planned[0] == direction:
                _, limit, reset = self.planned
            if limit is not None:
                block = block[:max(0, limit - passed)]
            try:
                sink.sendall(block)
            except OSError:
                block = b""
            passed += len(block)
            self.proxy.passed[direction] += len(block)
            if not block or (limit is not None and passed >= limit):
                if self.planned and block and limit is not None:
                    self.proxy.cuts += 1
                self.end(reset and bool(block))
                while waiting.get()[1]:  # the reader must not wait for room
                    pass
                return

    def end(self, reset=False):
        with self.proxy.lock:
            if self.ended:
                return
            self.ended = True
            self.proxy.connections.discard(self)
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    end.shutdown(socket.SHUT_RDWR)
            if reset:
                # A thread in recv keeps the socket open, and only the last close sends the reset.
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RD)
                end.close()


@contextlib.contextmanager
def proxy(port, **faults):
    p = Proxy(port, **faults)
    try:
        yield p
    finally:
        p.close()
