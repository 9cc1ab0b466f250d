#!/usr/bin/env python3
# takes: 50
"""Hosts that say no: keys that changed or aren't let in, sshds that are full, disks without room. What runs there is kept,
what waits says why, and it goes on when somebody has seen to it."""
import calendar
import contextlib
import glob
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import Skip, run, small_disk, wait_until  # noqa: E402
from remote import once, world  # noqa: E402

BOTH = {"gpu01": {"transport": "libssh2"}, "gpu02": {"transport": "openssh"}}


def held(w):
    return f"{once(w)}; until [ -e {w.p.path('go')} ]; do sleep 0.1; done; echo done"


def let_go(w):
    with open(w.p.path("go"), "w"):
        pass


def ended_once(w, run_id, tasks):
    shown = w.wait_run(run_id, "succeeded")
    lines = [line for line in w.read() if line.startswith(run_id)]
    assert len(lines) == len(set(lines)) == len(shown["attempts"]) == tasks, (lines, shown["attempts"])
    return shown


def test_changed_host_key_is_refused_with_both_fingerprints_until_it_is_trusted():
    with world(BOTH) as w:
        run_id = w.trigger_each("key", held(w))
        w.wait_lines(2)
        old = {name: host.fingerprint() for name, host in w.hosts.items()}
        for host in w.hosts.values():
            host.make_keys("ed25519")
            host.restart()
        for name, host in w.hosts.items():
            text = w.wait_contact(name, "refused", hasten=True)["text"]
            assert old[name] in text and host.fingerprint() in text, text
            w.wait_task(run_id, name, "unreachable")
        second = w.trigger_each("other", held(w))
        why = wait_until("it says why it waits", lambda: w.p.rota("why", second, "gpu01"))
        assert "refused" in why, why
        let_go(w)
        with open(w.net.known_hosts, "w"):
            pass
        for host in w.hosts.values():
            host.make_known()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        ended_once(w, run_id, 2)
        ended_once(w, second, 2)


def test_key_that_isnt_let_in_any_more_is_refused_until_it_is_again():
    with world(BOTH) as w:
        run_id = w.trigger_each("login", held(w))
        w.wait_lines(2)
        with open(w.net.authorized_keys) as f:
            keys = f.read()
        with open(w.net.authorized_keys, "w"):
            pass
        for host in w.hosts.values():
            host.drop()
        for name in w.hosts:
            text = w.wait_contact(name, "refused", hasten=True)["text"]
            assert "key" in text, text
        let_go(w)
        with open(w.net.authorized_keys, "w") as f:
            f.write(keys)
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        ended_once(w, run_id, 2)


def test_a_single_session_of_sshd_is_enough():
    kinds = {f"{transport}{n}": {"transport": transport, "sshd": {"options": {"MaxSessions": n}}}
             for transport in ("libssh2", "openssh") for n in (1, 2)}
    with world(kinds) as w:
        script = f"""{once(w)}
            i=0; while [ $i -lt 30000 ]; do echo "line $i of a log that is longer than one answer of the control shell is"
            i=$((i+1)); done; sleep 2
            echo "value=5" >> "$ROTA_OUTPUT" """
        run_id = w.trigger_each("one", script)
        ended_once(w, run_id, 4)
        wanted = b"".join(b"line %d of a log that is longer than one answer of the control shell is\n" % i
                          for i in range(30000))
        for name in w.hosts:
            got = w.log(run_id, name)
            assert got == wanted, f"{name}: {len(got)} of {len(wanted)}"


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def test_files_and_large_outputs_come_over_where_sshd_allows_a_single_session():
    """And the log of another task on the same host goes on meanwhile. The last of the results is too large for the answer."""
    kinds = {f"{transport}{n}": {"transport": transport, "sshd": {"options": {"MaxSessions": n}}}
             for transport, n in (("libssh2", 1), ("libssh2", 2), ("openssh", 1))}
    with world(kinds) as w:
        with open(os.path.join(w.p.dags, "sent"), "wb") as f:
            f.write(os.urandom(20 << 20))
        sent = sha256(os.path.join(w.p.dags, "sent"))
        live = w.trigger_each("live", f"until [ -e {w.p.path('go')} ]; do echo tick; sleep 0.1; done")
        for name in w.hosts:
            wait_until(f"the log of {name} comes", lambda: w.log(live, name))
        before = {name: len(w.log(live, name)) for name in w.hosts}
        script = f"""{once(w)}
            test "$(sha256sum <sent)" = "{sent}  -" || exit 1
            mkdir $ROTA_TASK; head -c 20000000 /dev/urandom >$ROTA_TASK/back
            i=0; while [ $i -lt 30 ]; do echo $i >$ROTA_TASK/small$i; i=$((i + 1)); done
            for n in 1 2 3 4 5 6 7 8 9; do printf "text$n=%060000d\\n" $n; done >>"$ROTA_OUTPUT"
            printf '%0900000d' 8 >"$ROTA_SUMMARY"
            sha256sum <$ROTA_TASK/back"""
        tasks = {name: {"on": name, "send": ["sent"], "fetch": [name], "run": script} for name in w.hosts}
        run_id = w.trigger("files", {"tasks": tasks})
        shown = ended_once(w, run_id, 3)
        after = {name: len(w.log(live, name)) for name in w.hosts}
        let_go(w)
        assert all(after[name] > before[name] for name in w.hosts), (before, after)
        for task in shown["tasks"]:
            name = task["label"]
            folder = os.path.join(w.p.state, "work", run_id, name)
            assert w.log(run_id, name).split()[0].decode() == sha256(os.path.join(folder, "back")), name
            small = [open(os.path.join(folder, f"small{i}")).read() for i in range(30)]
            assert small == [f"{i}\n" for i in range(30)], small
            assert all(task["outputs"][f"text{n}"] == "%060000d" % n for n in range(1, 10)), task["outputs"].keys()
        summaries = glob.glob(os.path.join(w.p.state, "runs", run_id, "*", "summary.md"))
        assert [os.path.getsize(path) for path in summaries] == [900000] * 3, summaries
        w.wait_run(live, "succeeded")


def test_many_hosts_behind_one_sshd_that_takes_two_logins_at_a_time_all_come_up():
    with world({"gpu01": {"sshd": {"options": {"MaxStartups": "2:100:2"}}}}, start=False) as w:
        for i in range(2, 13):
            name = f"gpu{i:02}"
            w.config["hosts"][name] = {**w.config["hosts"]["gpu01"],
                                       "transport": "openssh" if i % 2 else "libssh2"}
            w.hosts[name] = w.hosts["gpu01"]
        w.p.write_config(json.dumps(w.config))
        w.start()
        run_id = w.trigger_each("many", once(w))
        ended_once(w, run_id, 12)


@contextlib.contextmanager
def few_inodes():
    path = tempfile.mkdtemp(prefix="rota-disk-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=64", "tmpfs", path], capture_output=True)
    if done.returncode != 0:
        os.rmdir(path)
        raise Skip("mounting a small disk isn't permitted here")
    try:
        yield path
    finally:
        wait_until("the small disk is free",
                   lambda: subprocess.run(["umount", path], capture_output=True).returncode == 0)
        os.rmdir(path)


def fill(path):
    """To the last byte."""
    with open(path, "wb", buffering=0) as f:
        for size in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    f.write(b"x" * size)


def fill_inodes(folder):
    os.mkdir(os.path.join(folder, "files"))
    with contextlib.suppress(OSError):
        for i in range(10000):
            with open(os.path.join(folder, "files", str(i)), "w"):
                pass


def waits_for_room(w, run_id):
    def told():
        why = [w.p.rota("why", run_id, name) for name in w.hosts]
        return why if all("could not start it" in text for text in why) else None
    wait_until("it says that there is no room", told, 30)
    assert not w.read(), w.read()


def test_full_disk_of_a_host_holds_starts_back_until_there_is_room():
    with small_disk(4) as disk:
        with world({name: {**entry, "root": f"{disk}/{name}"} for name, entry in BOTH.items()}) as w:
            fill(os.path.join(disk, "ballast"))
            run_id = w.trigger_each("full", once(w))
            waits_for_room(w, run_id)
            time.sleep(2)  # it is tried again, and what a try left is taken away
            started = subprocess.run(["find", disk, "-name", "start.*"], capture_output=True, text=True, check=True)
            assert len(started.stdout.split()) <= 2, started.stdout
            os.unlink(os.path.join(disk, "ballast"))
            ended = w.wait_run(run_id, "succeeded", 90)
            assert len(w.read()) == 2 and ended["tasks_failed"] == 0, w.read()


def test_no_inodes_on_a_host_hold_starts_back_until_there_are_some():
    with few_inodes() as disk:
        with world({name: {**entry, "root": f"{disk}/{name}"} for name, entry in BOTH.items()}) as w:
            fill_inodes(disk)
            run_id = w.trigger_each("inodes", once(w))
            waits_for_room(w, run_id)
            subprocess.run(["rm", "-r", os.path.join(disk, "files")], check=True)
            w.wait_run(run_id, "succeeded", 90)
            assert len(w.read()) == 2, w.read()


def test_disk_that_fills_while_a_task_runs_costs_its_log_and_not_its_end():
    with small_disk(4) as disk:
        with world({name: {**entry, "root": f"{disk}/{name}"} for name, entry in BOTH.items()}) as w:
            script = f"{once(w)}; echo first; until [ -e {w.p.path('go')} ]; do sleep 0.1; done; " \
                     "yes | head -c 300000; echo last; exit 3"
            run_id = w.trigger_each("fills", script)
            w.wait_lines(2)
            wait_until("the first line is here", lambda: w.log(run_id, "gpu01") and w.log(run_id, "gpu02"))
            fill(os.path.join(disk, "ballast"))
            let_go(w)
            shown = w.wait_run(run_id, "failed")
            assert [a["exit_code"] for a in shown["attempts"]] == [3, 3], shown["attempts"]
            for name in w.hosts:
                assert w.log(run_id, name).startswith(b"first\n")


def test_clock_of_a_host_that_is_wrong_by_a_day_is_used_for_nothing():
    """Its `date` tells tomorrow; a clock can't be set for one host alone. What is learnt of its times is its uptime."""
    if not sshd.namespaces_work():
        raise Skip("another `date` needs mount namespaces")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        wrong, real = os.path.join(folder, "date"), os.path.join(folder, "real")
        found = subprocess.run(["sh", "-c", "command -v date"], capture_output=True, text=True, check=True)
        date = os.path.realpath(found.stdout.strip())
        subprocess.run(["cp", date, real], check=True)
        with open(wrong, "w") as f:
            f.write(f"#!/bin/sh\nexec {real} -d '1 day' \"$@\"\n")
        os.chmod(wrong, 0o755)
        entries = {name: {**entry, "sshd": {"mounts": {date: wrong}}} for name, entry in BOTH.items()}
        with world(entries) as w:
            before = time.time()
            run_id = w.trigger_each("clock", f"{once(w)}; date +%s; sleep 1", timeout="20s")
            shown = ended_once(w, run_id, 2)
            for attempt in shown["attempts"]:
                assert abs(int(w.log(run_id, attempt["task"])) - before - 86400) < 3600
                for key in ("created_at", "started_at", "ended_at"):
                    at = calendar.timegm(time.strptime(attempt[key][:19], "%Y-%m-%dT%H:%M:%S"))
                    assert before - 2 <= at <= time.time() + 2, (key, attempt)
                assert 900 <= attempt["duration_ms"] <= 15000, attempt
            examined = w.p.json("doctor", "gpu01", code=None)
            clock = next(check for check in examined["checks"] if check["name"] == "time")
            assert clock["result"] != "ok", clock


if __name__ == "__main__":
    run(globals())
