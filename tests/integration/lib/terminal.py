"""The program on a terminal of its own."""
import contextlib
import os
import pty
import select
import signal
import time

from harness import ROTA


@contextlib.contextmanager
def terminal(command, env, cwd=None):
    """A command on a terminal of its own, whose leader it is; gives the process and the terminal's other end."""
    pid, master = pty.fork()
    if pid == 0:
        if cwd:
            os.chdir(cwd)
        os.execve(ROTA, [ROTA, *command], env)
    try:
        yield pid, master
    finally:
        with contextlib.suppress(OSError):
            os.close(master)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def read_all(master, until=None, seconds=30):
    """What a terminal shows until it ends or `until` is there."""
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end and (until is None or until not in seen):
        ready, _, _ = select.select([master], [], [], 0.2)
        if not ready:
            continue
        try:
            more = os.read(master, 65536)
        except OSError:
            return seen
        if not more:
            return seen
        seen += more
    assert until is None or until in seen, (until, seen)
    return seen


def on_terminal(command, env, cwd=None):
    with terminal(command, env, cwd) as (pid, master):
        seen = read_all(master)
        return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
