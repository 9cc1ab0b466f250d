"""A daemon whose clocks a test can set: clocks.c is built and loaded before the C library."""
import contextlib
import mmap
import os
import shutil
import struct
import subprocess

from harness import Place, Skip

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clocks.c")


class Clocks:
    """The shifts of both clocks, in seconds. Tasks and the command line keep the machine's own."""

    def __init__(self, folder):
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Skip("no C compiler to build the injected clock")
        self.library = os.path.join(folder, "clocks.so")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", self.library, SOURCE], check=True)
        self.path = os.path.join(folder, "clocks")
        with open(self.path, "wb") as file:
            file.write(struct.pack("=qq", 0, 0))
        with open(self.path, "r+b") as file:
            self.shifts = mmap.mmap(file.fileno(), 16)
        self.wall = self.elapsed = 0

    def environment(self, place):
        return place.environment(LD_PRELOAD=self.library, ROTA_TEST_CLOCKS=self.path,
                                 ASAN_OPTIONS="verify_asan_link_order=0")

    def write(self):
        self.shifts[:] = struct.pack("=qq", int(self.wall * 1e9), int(self.elapsed * 1e9))

    def set(self, wall):
        """Somebody set the wall clock: so many seconds from the true time."""
        self.wall = wall
        self.write()

    def sleep(self, seconds):
        """The machine slept, or was off: both clocks went on."""
        self.wall += seconds
        self.elapsed += seconds
        self.write()


@contextlib.contextmanager
def shifted_place(config="", serve=True):
    """(place, clocks); the daemon is started with `start_shifted`."""
    p = Place(config)
    try:
        clocks = Clocks(p.root)
        p.start_shifted = lambda: p.start(env=clocks.environment(p))
        if serve:
            p.start_shifted()
        yield p, clocks
    finally:
        p.end()
