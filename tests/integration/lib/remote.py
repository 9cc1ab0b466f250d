"""A daemon with hosts: sshds of lib/sshd.py, named in the configuration of a place of lib/harness.py.

    with remote.world({"gpu01": {}, "gpu02": {"slots": {"gpu": 2}}}) as w:
        run = w.trigger("nightly", "tasks: {a: {on: gpu01, run: date}}")
        w.p.wait_run(run, "succeeded")

What a task must do exactly once it writes into a book, a file of this machine that all hosts can write to.
"""
import contextlib
import json
import os
import signal
import sys

import sshd
from harness import Place, read_proc, wait_until

TRANSPORTS = ("libssh2", "openssh")


class World:
    def __init__(self, net, entries, transport, config, env):
        self.net, self.env = net, env
        self.hosts, self.proxies = {}, {}
        self.config = {"slots": {"cpu": 8}, "hosts": {}, **(config or {})}
        for name, wanted in entries.items():
            self.add(name, transport, dict(wanted))
        self.p = Place(json.dumps(self.config))

    def add(self, name, transport, wanted):
        """`sshd` and `proxy` are arguments of Network.host and Network.proxy; the rest is the host's entry."""
        arguments, faults = wanted.pop("sshd", {}), wanted.pop("proxy", None)
        host = self.hosts[name] = self.net.host(name, **arguments)
        entry = {"transport": transport, **host.entry(), "slots": {"cpu": 64}, **wanted}
        if faults is not None:
            p = self.proxies[name] = self.net.proxy(host, **faults)
            entry["ssh"] = f"{host.user}@127.0.0.1:{p.port}"
        self.config["hosts"][name] = entry

    def reconfigure(self):
        self.p.write_config(json.dumps(self.config))
        self.p.rota("reload")

    def start(self, up=True):
        self.p.start(env=self.p.environment(**self.env))
        if up:
            for name in self.hosts:
                self.wait_contact(name, "up")

    def restart(self, up=True):
        """kill -9 of the daemon, and another one."""
        self.p.kill()
        self.start(up)

    # Runs.

    def pipeline(self, name, what):
        """What is no text is given as JSON, which is YAML."""
        self.p.pipeline(name, what if isinstance(what, str) else json.dumps(what))
        self.p.rota("reload")

    def trigger(self, name, what):
        self.pipeline(name, what)
        return self.p.rota("trigger", name).strip()

    def trigger_each(self, name, script, **more):
        """The same task on each host, called as the host is."""
        tasks = {host: {"on": host, "run": script, **more} for host in self.hosts}
        return self.trigger(name, {"tasks": tasks})

    def book(self, name="book"):
        return self.p.path(name)

    def read(self, name="book"):
        """The lines of a book."""
        try:
            with open(self.book(name)) as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def wait_lines(self, count, name="book", seconds=60):
        wait_until(f"{name} has {count} lines", lambda: len(self.read(name)) >= count, seconds)

    def show(self, run):
        return self.p.json("show", run)

    def states(self, run):
        return {task["label"]: task["state"] for task in self.show(run)["tasks"]}

    def wait_task(self, run, label, state, seconds=60):
        try:
            wait_until(f"{label} is {state}", lambda: self.states(run).get(label) == state, seconds, step=0.1)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.p.rota('show', run, code=None)}\n{self.p.daemon_log()}") from None

    def wait_run(self, run, state, seconds=60):
        return self.p.wait_run(run, state, seconds)

    def log(self, run, task):
        """The whole log, byte by byte."""
        command = [os.environ["ROTA"], "logs", "--state", self.p.state, run, task]
        return sshd.subprocess.run(command, capture_output=True, timeout=60, check=True).stdout

    # Hosts.

    def contact(self, name):
        return next(host for host in self.p.json("hosts")["items"] if host["name"] == name)["contact"]

    def wait_contact(self, name, *states, seconds=60, hasten=False):
        """With `hasten` it doesn't wait for the back-off."""
        def reached():
            now = self.contact(name)
            if now["state"] in states:
                return now
            if hasten:
                self.p.rota("hosts", "check", name, code=None)
            return None
        try:
            return wait_until(f"{name} is {' or '.join(states)}", reached, seconds, step=0.3)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.contact(name)}\n{self.p.daemon_log()}") from None

    def root(self, name):
        """The directory of this daemon's state and the host's machine on the host, or None before there is one."""
        top = self.hosts[name].rota_root
        machine = self.hosts[name].machine_id if self.net.namespaces else None
        for state in os.listdir(top) if os.path.isdir(top) else []:
            for below in os.listdir(os.path.join(top, state)):
                if machine in (None, below):
                    return os.path.join(top, state, below)
        return None

    def attempts(self):
        """The directories of attempts, by host."""
        found = {}
        for name in self.hosts:
            folder = os.path.join(self.root(name) or "/nonexistent", "a")
            found[name] = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return found

    def supervisors(self, name):
        """Processes of the host that are a supervisor's shell, told by their working directory or command line."""
        return [pid for pid in self.hosts[name].inside() if b"supervise" in read_proc(pid, "cmdline")]

    def processes_with(self, text):
        """Processes of this account whose command line has this text."""
        found = []
        for pid in sshd.processes():
            if text.encode() in read_proc(pid, "cmdline") and pid != os.getpid():
                found.append(pid)
        return found

    def end(self):
        if self.p.daemon and self.p.daemon.poll() is None:
            self.p.daemon.kill()
            self.p.daemon.wait()
        self.end_tasks()
        self.p.end()

    def end_tasks(self):
        """What runs on hosts without a namespace of their own is told by its environment."""
        homes = [host.rota_root.encode() for host in self.hosts.values()]
        for pid in sshd.processes():
            environment = read_proc(pid, "environ")
            if any(b"ROTA_DIR=" + home in environment for home in homes):
                sshd.send(pid, signal.SIGKILL)


@contextlib.contextmanager
def world(entries, transport="libssh2", config=None, start=True, env=None):
    with sshd.network() as net:
        w = None
        try:
            w = World(net, entries, transport, config, env or {})
            if start:
                w.start()
            yield w
        except Exception:
            if w:
                print(f"{w.p.daemon_log()}exit code {w.p.daemon and w.p.daemon.poll()}", file=sys.stderr)
            raise
        finally:
            if w:
                w.end()


def once(w, name="book"):
    """A script's line that notes that it ran: the task, its instance and attempt."""
    return f'echo "$ROTA_RUN_ID $ROTA_TASK ${{ROTA_MATRIX_N:-}} $ROTA_ATTEMPT" >> {w.book(name)}'
