#!/usr/bin/env python3
"""Hosts as people see and order them: `rota hosts`, `rota doctor HOST`, over real sshds and where nothing answers."""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import Place, place, run, wait_until  # noqa: E402
from wire import ask  # noqa: E402

# Nothing answers there.
AWAY = 'hosts: {gpu01: {ssh: "ml@127.0.0.1:1", slots: {gpu: 2}}, gpu02: {ssh: "ml@127.0.0.1:2"}}\n'


def config_of(net, hosts):
    rows = [f"  {name}: {{ssh: '{host.ssh}', identity: {net.key}, known_hosts: {net.known_hosts}}}\n"
            for name, host in hosts.items()]
    return "hosts:\n" + "".join(rows)


def checks_of(examination):
    return {check["name"]: check for check in examination["checks"]}


def host_of(p, name):
    return next(host for host in p.json("hosts")["items"] if host["name"] == name)


def test_orders_hold_over_a_restart_and_say_who_and_why():
    with place(AWAY) as p:
        assert [host["name"] for host in p.json("hosts")["items"]] == ["local", "gpu01", "gpu02"]
        p.rota("hosts", "drain", "gpu01", "--reason", "new disks")
        p.kill()
        p.start()
        order = host_of(p, "gpu01")["order"]
        assert (order["state"], order["reason"]) == ("drain", "new disks") and order["by"], order
        shown = p.rota("hosts")
        assert "drain" in shown and "new disks" in shown, shown
        assert "gpu01" in p.rota("status")
        p.rota("hosts", "up", "gpu01")
        assert host_of(p, "gpu01")["order"]["state"] == "up"
        assert host_of(p, "gpu02")["order"]["state"] == "up"


def test_a_host_is_declared_down_only_by_who_says_yes():
    with place(AWAY) as p:
        done = p.rota_all("hosts", "down", "gpu01", "--reason", "burnt", stdin="")
        assert done.returncode == 2 and "--yes" in done.stderr, done
        assert host_of(p, "gpu01")["order"]["state"] == "up"
        p.rota("hosts", "down", "gpu01", "--reason", "burnt", "--yes")
        assert host_of(p, "gpu01")["order"]["state"] == "down"
        assert p.rota_all("hosts", "drain", "gpu09", "--reason", "x").returncode != 0
        assert "host-down" in p.rota("audit")


def test_a_waiting_task_says_what_was_ordered_of_its_host():
    with place(AWAY) as p:
        p.pipeline("far", "tasks: {a: {on: gpu01, run: 'true'}}\n")
        p.rota("reload")
        p.rota("hosts", "drain", "gpu01", "--reason", "new disks")
        p.rota("trigger", "far")
        wait_until("why names the drain", lambda: "new disks" in p.rota("why", "far#1", "a"))


def test_a_host_comes_and_goes_with_the_configuration():
    with place("slots: {cpu: 4}\n") as p:
        assert len(p.json("hosts")["items"]) == 1
        p.write_config(AWAY)
        p.rota("reload")
        assert len(p.json("hosts")["items"]) == 3
        assert p.rota_all("hosts", "check", "gpu01").returncode == 0
        p.write_config("slots: {cpu: 4}\n")
        p.rota("reload")
        wait_until("the hosts are gone", lambda: len(p.json("hosts")["items"]) == 1)
        assert p.rota_all("hosts", "show", "gpu01").returncode != 0


FAR = "tasks: {a: {on: gpu01, run: 'sleep 3; echo x=1 >>$ROTA_OUTPUT'}}\n"


def test_a_host_that_a_reload_takes_away_stays_until_its_tasks_ended_and_comes_back():
    with sshd.network() as net:
        config = config_of(net, {"gpu01": net.host("gpu01")})
        with place(config) as p:
            p.pipeline("far", FAR)
            p.rota("reload")
            wait_until("it is up", lambda: host_of(p, "gpu01")["contact"]["state"] == "up")
            p.rota("trigger", "far")
            p.wait_run("far#1", "running")
            wait_until("it runs there", lambda: host_of(p, "gpu01")["running"] == 1)
            p.write_config("slots: {cpu: 4}\n")
            p.rota("reload", code=None)
            assert host_of(p, "gpu01")["configured"] is False
            p.wait_run("far#1", "succeeded")
            wait_until("the host is gone", lambda: len(p.json("hosts")["items"]) == 1)
            p.write_config(config)
            p.rota("reload")
            wait_until("it is up again", lambda: host_of(p, "gpu01")["contact"]["state"] == "up")


def test_a_task_goes_on_while_the_configuration_has_lost_its_host():
    with sshd.network() as net:
        config = config_of(net, {"gpu01": net.host("gpu01")})
        with place(config) as p:
            path = p.pipeline("far", FAR)
            p.rota("reload")
            p.rota("trigger", "far")
            wait_until("it runs there", lambda: "running" in p.rota("hosts", "show", "gpu01"))
            p.kill()
            os.remove(path)
            p.write_config("slots: {cpu: 4}\n")
            p.start()
            wait_until("it says so", lambda: "no host gpu01 any more" in p.rota("show", "far#1"))
            p.write_config(config)
            p.rota("reload")
            p.wait_run("far#1", "succeeded")


def test_files_that_went_and_came_are_listed():
    with place() as p:
        p.pipeline("one", "tasks: {a: {run: 'echo x'}}\n")
        p.rota("reload")
        p.rota("trigger", "one", "--wait")
        files = ask(p, "GET", "/api/v1/runs/one%231/files?task=a").body
        assert json.loads(files)["items"] == []
        attempt = next(path for path, _, names in os.walk(os.path.join(p.state, "runs")) if "log" in names)
        row = {"path": "model.pt", "direction": "fetch", "size": 5, "sha256": "ab" * 32}
        with open(os.path.join(attempt, "files.json"), "w") as f:
            json.dump([row, {"path": 7}], f)
        files = ask(p, "GET", "/api/v1/runs/one%231/files?task=a").body
        assert json.loads(files)["items"] == [row], files
        lines = json.loads(ask(p, "GET", "/api/v1/runs/one%231/log/lines?task=a").body)
        assert lines["stamps"] == "written", lines


def test_the_doctor_finds_a_good_host_well_and_leaves_nothing_there():
    with sshd.network() as net:
        hosts = {"gpu01": net.host("gpu01"), "gpu02": net.host("gpu02")}
        with place(config_of(net, hosts)) as p, place("slots: {cpu: 1}\n", serve=False) as q:
            q.write_config(config_of(net, hosts))
            answers = {}
            asked = [threading.Thread(target=lambda: answers.update(here=q.rota_all(
                         "doctor", "--hosts", "gpu*", "--json", "--config", q.config))),
                     threading.Thread(target=lambda: answers.update(daemon=p.rota_all("doctor", "gpu01", "--json")))]
            for thread in asked:
                thread.start()
            for thread in asked:
                thread.join()
            here, daemon = json.loads(answers["here"].stdout), json.loads(answers["daemon"].stdout)
            assert answers["here"].returncode in (0, 1) and answers["daemon"].returncode in (0, 1), answers
            assert sorted(item["host"] for item in here["items"]) == ["gpu01", "gpu02"], here
            for examination in [*here["items"], daemon]:
                checks = checks_of(examination)
                for name in ("key", "login", "shell", "root", "detaching"):
                    assert checks[name]["result"] == "ok", checks[name]
            assert p.json("hosts", "show", "gpu01")["doctor"]["at"] == daemon["at"]
            assert "host-doctor" in p.rota("audit")
        for host in hosts.values():
            left = [path for path, _, _ in os.walk(host.home) if "doctor" in path] if getattr(host, "home", None) else []
            assert not left, left


def test_the_doctor_says_what_to_do_about_a_key_that_is_not_known():
    with sshd.network() as net:
        host = net.host("gpu01")
        open(net.known_hosts, "w").close()
        p = Place(config_of(net, {"gpu01": host}))
        try:
            done = p.rota_all("doctor", "gpu01", "--config", p.config)
            assert done.returncode == 2 and "SHA256:" in done.stdout and "ssh-keyscan" in done.stdout, done
            done = p.rota_all("doctor", "gpu09", "--config", p.config)
            assert done.returncode == 2 and "gpu09" in done.stderr, done
        finally:
            p.end()


if __name__ == "__main__":
    run(globals())
