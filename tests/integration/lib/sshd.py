#!/usr/bin/env python3
"""Hosts to reach over SSH: real sshds on 127.0.0.1 with keys of their own, in a private directory.

    with sshd.network() as net:
        host = net.host("gpu01", options={"MaxSessions": 2})
        ... host.ssh, net.key, net.known_hosts ...
        host.freeze(); host.thaw(); host.stop(); host.start(); host.reboot()

As root each host has a mount namespace: a HOME of its own, and, if asked for, another login shell, /bin/sh, machine id,
boot id. Whatever runs in it is ended at the end, by process id. Without the right to that a host is a bare sshd of this
account, and one that asks for more skips its test.

For tests in C: `sshd.py serve JSON` starts {"hosts": [{"name": ..., arguments of Network.host}], "keys": [{"name": ...,
arguments of Network.make_key}], "agent": ["id", ...]}, prints one line of JSON, and then answers each line of standard
input, ["method", argument...] of Served, by a line of JSON, until its standard input ends.
"""
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from proxy import Proxy


SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def skip(why):
    try:
        from harness import Skip
    except KeyError:  # harness wants ROTA, which tests in C don't have
        print(why, file=sys.stderr)
        raise SystemExit(77) from None
    raise Skip(why)


def wait_until(what, condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.01)


def state_of(pid):
    """(state, parent, name) of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
    except (OSError, IndexError):
        return None
    words = rest.split()
    return words[0], int(words[1]), name


def processes():
    """Those that live: {pid: (state, parent, name)}."""
    all_of_them = {int(name): state_of(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: state for pid, state in all_of_them.items() if state and state[0] not in "ZX"}


def descendants(pid):
    table, found = processes(), []
    queue = [pid]
    while queue:
        parent = queue.pop()
        below = [child for child, state in table.items() if state[1] == parent]
        found += below
        queue += below
    return found


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def namespaces_work():
    return os.geteuid() == 0 and shutil.which("nsenter") is not None and subprocess.run(
        ["unshare", "-m", "true"], capture_output=True).returncode == 0


def keygen(path, kind="ed25519", passphrase="", comment="rota-test", extra=()):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", comment, "-f", path, *extra], check=True,
                   stdin=subprocess.DEVNULL)


def reserved_port(address="127.0.0.1"):
    """A socket with a port that nobody else is given while it is open, neither for listening nor for a connection. A
    server that reuses addresses, as sshd does, may listen there beside it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 0))
    return s


class Host:
    """One sshd. `ssh` is what a configuration names it by, `user@address:port`."""

    def __init__(self, net, name, keys=("ed25519",), options=None, command=None, home=None, login_shell=None, sh=None,
                 machine_id=None, boot_id=None, passwd=None, mounts=None, address="127.0.0.1", known=True):
        self.net, self.name, self.address = net, name, address
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.root = os.path.join(net.root, "hosts", name)
        os.makedirs(self.root)
        self.reserved = reserved_port(address)
        self.port = self.reserved.getsockname()[1]
        self.options = dict(options or {})
        if command:
            self.options["ForceCommand"] = command
        self.keys = {}
        self.make_keys(*keys)
        self.log = os.path.join(self.root, "log")
        self.process = self.keeper = None
        asked = (home, login_shell, sh, machine_id, boot_id, passwd, mounts)
        if net.namespaces:
            self.home = home or os.path.join(self.root, "home")
            os.makedirs(self.home, exist_ok=True)
            self.machine_id = machine_id or uuid.uuid4().hex
            self.boot_id = boot_id or str(uuid.uuid4())
            self.enter(login_shell, sh, passwd, dict(mounts or {}))
        elif any(asked):
            skip("mount namespaces need root")
        else:
            self.home = pwd.getpwuid(os.geteuid()).pw_dir
        if known:
            self.make_known()
        self.start()

    @property
    def ssh(self):
        return f"{self.user}@{self.address}:{self.port}"

    @property
    def rota_root(self):
        """Where rota keeps its files there by default."""
        return os.path.join(self.home, ".rota")

    def entry(self):
        """What rota.yaml says of it."""
        return {"ssh": self.ssh, "identity": self.net.key, "known_hosts": self.net.known_hosts}

    # Host keys.

    def make_keys(self, *kinds):
        """Other host keys than before; they count after a restart."""
        for path in self.keys.values():
            os.unlink(path)
            os.unlink(path + ".pub")
        self.keys = {}
        for kind in kinds:
            self.keys[kind] = os.path.join(self.root, f"host_{kind}")
            keygen(self.keys[kind], kind)

    def public_key(self, kind=None):
        """"TYPE BASE64" of a host key."""
        path = self.keys[kind] if kind else next(iter(self.keys.values()))
        with open(path + ".pub") as f:
            return " ".join(f.read().split()[:2])

    def fingerprint(self, kind=None):
        path = self.keys[kind] if kind else next(iter(self.keys.values()))
        done = subprocess.run(["ssh-keygen", "-l", "-f", path + ".pub"], capture_output=True, text=True, check=True)
        return done.stdout.split()[1]

    def known_line(self, kind=None):
        name = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        return f"{name} {self.public_key(kind)}\n"

    def make_known(self):
        with open(self.net.known_hosts, "a") as f:
            for kind in self.keys:
                f.write(self.known_line(kind))

    # The namespace: a process keeps it as long as the host is there, whether or not its sshd runs.

    def write(self, name, text):
        """In place, because what is mounted is the file, not its name."""
        path = os.path.join(self.root, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o644)
        return path

    def enter(self, login_shell, sh, passwd, mounts):
        if not passwd:
            with open("/etc/passwd") as f:
                lines = [line.rstrip("\n").split(":") for line in f]
            for words in lines:
                if words[0] == self.user:
                    words[5] = self.home
                    words[6] = login_shell or words[6]
            passwd = "".join(":".join(words) + "\n" for words in lines)
        mounts["/etc/passwd"] = self.write("passwd", passwd)
        mounts[BOOT_ID] = self.write("boot_id", self.boot_id + "\n")
        if os.path.exists("/etc/machine-id"):
            mounts["/etc/machine-id"] = self.write("machine_id", self.machine_id + "\n")
        if sh:
            mounts["/bin/sh"] = shutil.which(sh) or sh
        script = "".join(f"mount --bind '{source}' '{over}' && " for over, source in mounts.items() if over != "/bin/sh")
        script += f"mount --bind '{mounts['/bin/sh']}' /bin/sh && " if "/bin/sh" in mounts else ""
        script += "echo ready && exec sleep 1000000"
        self.keeper = subprocess.Popen(["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       start_new_session=True)
        if self.keeper.stdout.readline() != b"ready\n":
            error = self.keeper.stderr.read().decode()
            self.keeper.wait()
            self.keeper = None
            skip(f"mounting isn't permitted here: {error.strip()}")

    def inside(self):
        """All processes of the host but the one that keeps its namespace."""
        if not self.keeper:
            return descendants(self.process.pid) + [self.process.pid] if self.running() else []
        mine = os.readlink(f"/proc/{self.keeper.pid}/ns/mnt")
        found = []
        for pid in processes():
            with contextlib.suppress(OSError):
                if pid != self.keeper.pid and os.readlink(f"/proc/{pid}/ns/mnt") == mine:
                    found.append(pid)
        return found

    def run(self, *command, **more):
        """A command in the host's world, not over SSH."""
        prefix = ["nsenter", "-m", "-t", str(self.keeper.pid)] if self.keeper else []
        return subprocess.run([*prefix, *command], capture_output=True, text=True, timeout=60, **more)

    # sshd.

    def configuration(self):
        lines = {"Port": self.port, "ListenAddress": self.address, "UsePAM": "no", "StrictModes": "no",
                 "PidFile": "none", "AuthorizedKeysFile": self.net.authorized_keys, "PasswordAuthentication": "no",
                 "KbdInteractiveAuthentication": "no", "PermitRootLogin": "yes", "LogLevel": "VERBOSE",
                 "LoginGraceTime": "60", "MaxStartups": "100:30:200", **self.options}
        text = "".join(f"HostKey {path}\n" for path in self.keys.values())
        text += "".join(f"{key} {value}\n" for key, value in lines.items())
        path = os.path.join(self.root, "sshd_config")
        with open(path, "w") as f:
            f.write(text)
        return path

    def running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        """Starts its sshd, with the options and the keys that it has now."""
        prefix = ["nsenter", "-m", "-t", str(self.keeper.pid)] if self.keeper else []
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*prefix, SSHD, "-D", "-e", "-f", self.configuration()], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        wait_until(f"{self.name} listens", self.listens)

    def listens(self):
        if not self.running():
            with open(self.log) as f:
                raise AssertionError(f"sshd of {self.name} ended:\n{f.read()[-3000:]}")
        # The table is read instead of a connection made: sshd logs and counts those.
        with open("/proc/net/tcp") as f:
            return any(words[1].endswith(f":{self.port:04X}") and words[3] == "0A"
                       for words in (line.split() for line in f.readlines()[1:]))

    def daemons(self):
        """Its sshds: the listener and those of the connections, not what runs in them."""
        table = processes()
        below = [pid for pid in descendants(self.process.pid) if table.get(pid, ("", 0, ""))[2].startswith("sshd")]
        return [self.process.pid, *below] if self.running() else below

    def freeze(self):
        """SIGSTOP: the kernel still acknowledges what is sent, and nobody answers."""
        for pid in self.daemons():
            send(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.daemons():
            send(pid, signal.SIGCONT)

    def drop(self):
        """kill -9 of its connections; new ones are taken, and what runs there lives."""
        for pid in self.daemons()[1:]:
            send(pid, signal.SIGKILL)

    def stop(self):
        """kill -9 of the sshds; what they started and detached lives."""
        if self.process:
            for pid in self.daemons():
                send(pid, signal.SIGKILL)
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def reboot(self, start=True):
        """All of its processes are gone and it has another boot id, if it has a namespace at all."""
        self.power_off()
        if self.keeper:
            self.boot_id = str(uuid.uuid4())
            self.write("boot_id", self.boot_id + "\n")
        if start:
            self.start()

    def power_off(self):
        self.stop()
        for _ in range(200):
            left = self.inside()
            if not left:
                return
            for pid in left:
                send(pid, signal.SIGKILL)
            time.sleep(0.01)
        raise AssertionError(f"{self.name} has processes that can't be killed: {left}")

    def end(self):
        if self.process:
            self.power_off()
        if self.keeper:
            self.keeper.kill()
            self.keeper.wait()
            self.keeper.stdout.close()
            self.keeper.stderr.close()
        if self.reserved:
            self.reserved.close()

    def log_text(self):
        with open(self.log) as f:
            return f.read()


class Network:
    """A client's files (`key`, `known_hosts`, `authorized_keys`), and hosts that let it in."""

    def __init__(self):
        if not SSHD or not shutil.which("ssh-keygen"):
            skip("sshd isn't installed")
        self.root = tempfile.mkdtemp(prefix="rota-sshd-")
        os.chmod(self.root, 0o711)
        self.namespaces = namespaces_work()
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.known_hosts = os.path.join(self.root, "known_hosts")
        self.authorized_keys = os.path.join(self.root, "authorized_keys")
        for path in (self.known_hosts, self.authorized_keys):
            with open(path, "w"):
                pass
        self.hosts, self.proxies, self.agents = [], [], []
        self.key = self.make_key("id")

    def make_key(self, name, kind="ed25519", passphrase="", authorized=True, extra=()):
        """A private key of the client; the path of it."""
        path = os.path.join(self.root, name)
        keygen(path, kind, passphrase, extra=extra)
        if authorized:
            with open(path + ".pub") as public, open(self.authorized_keys, "a") as f:
                f.write(public.read())
        return path

    def host(self, name, **arguments):
        host = Host.__new__(Host)
        self.hosts.append(host)
        host.process = host.keeper = host.reserved = None
        host.__init__(self, name, **arguments)
        return host

    def proxy(self, host, **faults):
        """A proxy before a host; it is known by the host's keys."""
        p = Proxy(host.port, host.address, **faults)
        self.proxies.append(p)
        with open(self.known_hosts, "a") as f:
            for kind in host.keys:
                f.write(f"[127.0.0.1]:{p.port} {host.public_key(kind)}\n")
        return p

    def agent(self, *keys):
        """An agent with these keys (paths); the path of its socket."""
        path = os.path.join(self.root, f"agent{len(self.agents)}")
        process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, start_new_session=True)
        self.agents.append(process)
        wait_until("the agent listens", lambda: os.path.exists(path))
        for key in keys:
            subprocess.run(["ssh-add", "-q", key], check=True, env={**os.environ, "SSH_AUTH_SOCK": path},
                           stdin=subprocess.DEVNULL)
        return path

    def end(self):
        for p in self.proxies:
            p.close()
        for host in self.hosts:
            host.end()
        for agent in self.agents:
            agent.kill()
            agent.wait()
        for pid in self.left_behind():
            send(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def left_behind(self):
        """What was detached on a host without a namespace of its own, such as the reader of ends of a daemon that is
        gone: nobody's descendant any more, and still at home there."""
        found = []
        for pid in processes():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/cwd").startswith(self.root + "/"):
                    found.append(pid)
        return found


@contextlib.contextmanager
def network():
    net = Network()
    try:
        yield net
    finally:
        net.end()


class Served:
    """What a test in C may ask for, one line a request."""

    def __init__(self, net):
        self.net = net

    def find(self, name):
        return next(host for host in self.net.hosts if host.name == name)

    def describe(self, host):
        return {"name": host.name, "user": host.user, "address": host.address, "port": host.port, "ssh": host.ssh,
                "home": host.home, "pid": host.process.pid, "fingerprint": host.fingerprint(),
                "key": host.public_key()}

    def host(self, name, arguments):
        return self.describe(self.net.host(name, **arguments))

    def key(self, name, arguments):
        return self.net.make_key(name, **arguments)

    def agent(self, *names):
        return self.net.agent(*(os.path.join(self.net.root, name) for name in names))

    def act(self, name, method, *arguments):
        """stop, start, restart, freeze, thaw, drop, reboot, power_off, make_keys, make_known, ..."""
        return getattr(self.find(name), method)(*arguments)

    def options(self, name, options):
        """Others than before; they count after a restart."""
        self.find(name).options = options

    def proxy(self, name, faults):
        self.net.proxy(self.find(name), **faults)
        return {"index": len(self.net.proxies) - 1, "port": self.net.proxies[-1].port}

    def fault(self, index, method, *arguments):
        """stall, resume, cut, close."""
        return getattr(self.net.proxies[index], method)(*arguments)

    def change(self, index, name, value):
        p = self.net.proxies[index]
        if name.startswith("cut_"):
            p.cut_after[name[len("cut_"):]] = value
        else:
            setattr(p, name, value)


def serve(wanted):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with network() as net:
        served = Served(net)
        keys = {"id": net.key}
        for arguments in wanted.get("keys", []):
            name = arguments.pop("name")
            keys[name] = net.make_key(name, **arguments)
        hosts = {}
        for arguments in wanted.get("hosts", [{"name": "host"}]):
            name = arguments.pop("name")
            hosts[name] = served.host(name, arguments)
        agent = net.agent(*(keys[name] for name in wanted["agent"])) if wanted.get("agent") else None
        print(json.dumps({"root": net.root, "key": net.key, "keys": keys, "known_hosts": net.known_hosts,
                          "hosts": hosts, "agent": agent}), flush=True)
        for line in sys.stdin:
            method, *arguments = json.loads(line)
            try:
                answer = {"value": getattr(served, method)(*arguments)}
            except Exception as failure:  # pylint: disable=broad-except
                answer = {"error": repr(failure)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] != "serve":
        sys.exit(__doc__)
    serve(json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
