#!/usr/bin/env python3
"""Holds streams of a daemon open and reads them: SOCKET COUNT. Prints "ready" when each has had its greeting, and at the
end of its standard input how many bytes and whole events came."""
import selectors
import socket
import sys

REQUEST = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


def opened(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(REQUEST)
    greeting = b""
    while b"event: health" not in greeting:
        greeting += s.recv(65536)
    return s


def main(path, count):
    chosen = selectors.EpollSelector()
    for _ in range(count):
        chosen.register(opened(path), selectors.EVENT_READ)
    chosen.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    size = events = 0
    while True:
        for key, _ in chosen.select():
            if key.fileobj is sys.stdin:
                print(size, events, flush=True)
                return
            part = key.fileobj.recv(65536)
            size += len(part)
            events += part.count(b"event: change")


main(sys.argv[1], int(sys.argv[2]))
