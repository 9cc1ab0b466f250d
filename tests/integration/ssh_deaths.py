#!/usr/bin/env python3
"""The daemon, a host or a supervisor on it dies while tasks run there, and tasks with all that they started are stopped."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import alive, run, wait_until  # noqa: E402
from remote import once, world  # noqa: E402

BOTH = {"gpu01": {"transport": "libssh2"}, "gpu02": {"transport": "openssh"}}
SOON = {"retries": {"lost": 2, "delay": "1s"}}


def let_go(w, go="go"):
    with open(w.p.path(go), "w"):
        pass


def test_killed_daemon_takes_up_fifty_remote_tasks_that_run_or_have_ended():
    with world(BOTH) as w:
        script = f"""{once(w)}
            case $ROTA_MATRIX_N in
            *[02468]) ;;
            *) until [ -e {w.p.path("go")} ]; do sleep 0.3; done ;;
            esac
            echo last
            test $ROTA_MATRIX_N != 7"""
        run_id = w.trigger_each("fifty", script, matrix={"n": list(range(25))})
        w.wait_lines(10)
        w.p.kill()
        w.wait_lines(10)
        w.start()
        w.wait_lines(50)
        w.p.kill()
        time.sleep(1)
        let_go(w)
        time.sleep(1)
        w.start()
        shown = w.wait_run(run_id, "failed")
        ran = w.read()
        assert len(ran) == len(set(ran)) == 50, (len(ran), len(set(ran)))
        assert len(shown["attempts"]) == 50, len(shown["attempts"])
        failed = sorted(task["label"] for task in shown["tasks"] if task["state"] == "failed")
        assert failed == ["gpu01[7]", "gpu02[7]"], failed
        assert w.log(run_id, "gpu01[3]") == b"last\n", w.log(run_id, "gpu01[3]")


def test_rebooted_host_has_lost_what_ran_and_runs_it_again():
    if not sshd.namespaces_work():
        sshd.skip("another boot id needs mount namespaces")
    with world(BOTH) as w:
        run_id = w.trigger_each("boot", f"{once(w)}; until [ -e {w.p.path('go')} ]; do sleep 0.1; done", **SOON)
        w.wait_lines(2)
        for host in w.hosts.values():
            host.reboot()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        w.wait_lines(4)
        let_go(w)
        shown = w.wait_run(run_id, "succeeded")
        for label in w.hosts:
            states = [a["state"] for a in shown["attempts"] if a["task"] == label]
            assert states == ["lost", "succeeded"], shown["attempts"]
        reasons = [a["reason"] for a in shown["attempts"] if a["state"] == "lost"]
        assert all("restarted" in reason for reason in reasons), reasons
        for name in w.hosts:
            boots = w.p.json("hosts", "show", name)["boots"]
            assert len(boots) == 2 and boots[0]["id"] == w.hosts[name].boot_id, boots


def test_killed_supervisor_is_lost_and_what_is_left_of_its_task_is_killed_first():
    with world(BOTH) as w:
        script = f'{once(w)}; echo $$ >> {w.book("pids")}; test $ROTA_ATTEMPT = 2 || exec sleep 7777'
        run_id = w.trigger_each("killed", script, **SOON)
        w.wait_lines(2, "pids")
        first = [int(pid) for pid in w.read("pids")]
        for pid in first:
            os.kill(sshd.state_of(pid)[1], 9)
        shown = w.wait_run(run_id, "succeeded")
        for label in w.hosts:
            states = [a["state"] for a in shown["attempts"] if a["task"] == label]
            assert states == ["lost", "succeeded"], shown["attempts"]
        assert not [pid for pid in first if sshd.state_of(pid) and sshd.state_of(pid)[0] not in "ZX"]


def test_cancelled_task_ends_with_all_that_it_started():
    with world(BOTH) as w:
        script = f"""{once(w)}
            trap '' TERM
            (setsid sh -c 'trap "" TERM; echo $$ >> {w.book("pids")}; exec sleep 7773' &) &
            setsid setsid sh -c 'echo $$ >> {w.book("pids")}; sleep 7773 & echo $! >> {w.book("pids")}; wait' &
            (trap '' TERM HUP; echo here >> {w.book("pids2")}; exec sleep 7773) &
            echo $! >> {w.book("pids")}
            sleep 7773; sleep 7773"""
        run_id = w.trigger_each("tree", script, grace="1s")
        w.wait_lines(8, "pids")
        w.wait_lines(2, "pids2")
        w.p.rota("cancel", run_id)
        shown = w.wait_run(run_id, "cancelled")
        left = [int(pid) for pid in w.read("pids") if alive(int(pid))]
        assert not left, left
        assert [a["state"] for a in shown["attempts"]] == ["cancelled"] * 2, shown["attempts"]
        wait_until("no supervisor is left", lambda: not any(w.supervisors(name) for name in w.hosts))


def test_timeout_holds_on_the_host_while_nobody_is_connected():
    with world(BOTH) as w:
        run_id = w.trigger_each("late", f'{once(w)}; echo $$ >> {w.book("pids")}; exec sleep 7772', timeout="3s")
        w.wait_lines(2, "pids")
        w.p.kill()
        for host in w.hosts.values():
            host.stop()
        wait_until("both have ended", lambda: not any(alive(int(pid)) for pid in w.read("pids")), 30)
        for host in w.hosts.values():
            host.start()
        w.start()
        shown = w.wait_run(run_id, "failed")
        assert [a["state"] for a in shown["attempts"]] == ["timed_out"] * 2, shown["attempts"]


if __name__ == "__main__":
    run(globals())
