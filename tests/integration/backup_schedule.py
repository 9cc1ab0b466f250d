#!/usr/bin/env python3
"""Backups on a schedule: made in time or made up for, verified before an old one goes, and an alarm when they fail."""
import datetime
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from clocks import shifted_place  # noqa: E402
from harness import ROTA, Skip, place, run, small_disk, wait_until  # noqa: E402

NAME = re.compile(r"rota-(\d{8}T\d{6}Z)-(\w{6})\.db")


def configure(p, at="03:30", keep=3, folder="backups", more=""):
    p.write_config(f'slots: {{cpu: 8}}\nbackup: {{dir: {folder}, at: "{at}", keep: {keep}}}\n{more}')


def shelf(p, folder="backups"):
    return sorted(n for n in os.listdir(p.path(folder)) if NAME.fullmatch(n))


def standing(p):
    return p.json("status")["backup"]


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def made(p, count=1):
    return wait_until(f"{count} backups are made", lambda: (s := standing(p)) and s["last"] and not s["failing"]
                      and len(shelf(p)) == count and s)


def failing(p):
    return wait_until("the alarm is on", lambda: (s := standing(p)) and s["failing"])


def rename_to_age(p, name, hours):
    """Makes a backup look as if it had been made so long ago."""
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
    older = f"rota-{at:%Y%m%dT%H%M%SZ}-{NAME.fullmatch(name).group(2)}.db"
    os.rename(p.path("backups/" + name), p.path("backups/" + older))
    return older


def whole(path):
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute("SELECT state_id FROM meta").fetchone()[0]
    finally:
        db.close()


def doctor(p):
    told = {c["name"]: c for c in p.json("doctor", code=None)["checks"]}
    return told["backup"]["result"], told["backup"]["text"]


def fatten(p, megabytes):
    db = sqlite3.connect(os.path.join(p.state, "rota.db"))
    db.executemany("INSERT INTO audit (at, actor_kind, action, object, detail) VALUES (1, 'user', 'note', 'x', ?)",
                   [("x" * 8000,)] * (megabytes * 128))
    db.commit()
    db.close()


def test_the_first_one_is_made_at_once_and_the_next_at_its_time():
    with place(serve=False) as p:
        os.mkdir(p.path("backups"))
        configure(p, at="03:30", more="timezone: Pacific/Auckland\n")
        p.start()
        told = made(p)
        name = shelf(p)[0]
        assert whole(p.path("backups/" + name)) == p.json("status")["state_id"]
        assert os.stat(p.path("backups/" + name)).st_mode & 0o777 == 0o600
        here = instant(told["next"]).astimezone(zoneinfo.ZoneInfo("Pacific/Auckland"))
        assert (here.hour, here.minute) == (3, 30), here
        away = instant(told["next"]) - instant(told["last"])
        assert datetime.timedelta(0) < away <= datetime.timedelta(hours=25), away
        assert doctor(p)[0] == "ok" and p.path("backups") in doctor(p)[1], doctor(p)
        assert p.stop() == 0
        p.start()
        assert made(p)["last"][:19] == told["last"][:19], "a restart makes none that isn't due"
        assert shelf(p) == [name]


def test_each_is_made_at_its_time_while_the_daemon_runs():
    with shifted_place(serve=False) as (p, clocks):
        os.mkdir(p.path("backups"))
        configure(p, keep=2, more="timezone: UTC\n")
        p.start_shifted()
        first = made(p)
        for days in (1, 2):
            clocks.sleep(86400)
            wait_until("the next is made", lambda: len(shelf(p)) == 2 and not standing(p)["failing"]
                       and instant(standing(p)["last"]) - instant(first["last"]) > datetime.timedelta(days=days, hours=-1), 60)
        assert "failed" not in p.daemon_log()
        assert instant(standing(p)["next"]) > instant(standing(p)["last"])


def test_one_that_was_missed_is_made_at_the_next_start():
    with place(serve=False) as p:
        os.mkdir(p.path("backups"))
        configure(p, at="0 */2 * * *")
        p.start()
        made(p)
        assert p.stop() == 0
        older = rename_to_age(p, shelf(p)[0], 2.5)
        p.start()
        made(p, 2)
        assert shelf(p)[0] == older


def test_the_oldest_go_when_a_new_one_is_verified_and_nothing_else():
    with place(serve=False) as p:
        os.mkdir(p.path("backups"))
        configure(p, keep=2)
        p.start()
        made(p)
        assert p.stop() == 0
        first = rename_to_age(p, shelf(p)[0], 100)
        others = ["rota-2026-03-29.db", "notes.txt", first.replace(first[22:28], "OTHER0")]
        for name in others:
            shutil.copy(p.path("backups/" + first), p.path("backups/" + name))
        for hours in (90, 80, 70):
            shutil.copy(p.path("backups/" + first), p.path("backups/copy"))
            os.rename(p.path("backups/copy"), p.path("backups/" + first.replace(first[:21], "copy")))
            at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
            os.rename(p.path("backups/" + first.replace(first[:21], "copy")),
                      p.path(f"backups/rota-{at:%Y%m%dT%H%M%SZ}{first[21:]}"))
        kept = shelf(p)[-1]
        p.start()
        wait_until("the oldest are gone", lambda: first not in os.listdir(p.path("backups")) and
                   not standing(p)["failing"] and len(os.listdir(p.path("backups"))) == 2 + len(others))
        assert kept in shelf(p) and all(os.path.exists(p.path("backups/" + n)) for n in others), (kept, shelf(p))


def test_a_missing_folder_is_an_alarm_until_it_is_there():
    with place(serve=False) as p:
        configure(p)
        p.start()
        told = failing(p)
        assert "isn't there" in told["reason"], told
        assert not os.path.exists(p.path("backups")), "it is never made"
        assert "NO BACKUP since" in p.rota("status")
        assert doctor(p)[0] == "warning" and "there is none" in doctor(p)[1], doctor(p)
        assert p.rota_all("doctor").returncode >= 1
        assert p.http("GET", "/healthz")[::2] == (200, {"ok": True}), "commits succeed, and strangers learn no more"
        assert "the scheduled backup failed" in p.daemon_log()
        os.mkdir(p.path("backups"))
        p.rota("reload")
        made(p)
        assert "NO BACKUP" not in p.rota("status")
        assert doctor(p)[0] == "ok", doctor(p)
        configure(p, folder="elsewhere")
        p.rota("reload")
        failing(p)
        p.write_config("slots: {cpu: 8}\n")
        p.rota("reload")
        wait_until("there is no schedule any more", lambda: standing(p) is None)


def test_a_folder_that_cant_be_written_to_is_an_alarm():
    if os.geteuid() == 0:
        raise Skip("root may write everywhere")
    with place(serve=False) as p:
        os.mkdir(p.path("backups"), 0o500)
        configure(p)
        p.start()
        assert "can't be written to" in failing(p)["reason"]
        os.chmod(p.path("backups"), 0o700)
        p.rota("reload")
        made(p)


def test_a_full_disk_is_an_alarm_and_costs_no_older_backup():
    with small_disk(8) as disk, place(serve=False) as p:
        os.mkdir(os.path.join(disk, "b"))
        os.symlink(os.path.join(disk, "b"), p.path("backups"))
        configure(p, keep=1)
        p.start()
        made(p)
        assert p.stop() == 0
        older = rename_to_age(p, shelf(p)[0], 50)
        fatten(p, 20)
        p.start()
        told = failing(p)
        assert "full" in told["reason"] or "space" in told["reason"], told
        assert os.listdir(p.path("backups")) == [older]
        assert p.json("status")["degraded"] is None


def test_a_copy_with_a_fault_is_an_alarm_and_costs_no_older_backup():
    with place(serve=False) as p:
        os.mkdir(p.path("backups"))
        configure(p, keep=1)
        p.start()
        made(p)
        assert p.stop() == 0
        older = rename_to_age(p, shelf(p)[0], 50)
        fatten(p, 4)
        path = os.path.join(p.state, "rota.db")
        db = sqlite3.connect(path)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, size = db.execute("PRAGMA page_count").fetchone()[0], db.execute("PRAGMA page_size").fetchone()[0]
        db.close()
        with open(path, "r+b") as f:
            for page in range(pages - 200, pages - 150):
                f.seek(page * size)
                f.write(b"\xff" * size)
        p.start(wait=False)
        wait_until("it is told", lambda: "the scheduled backup failed" in p.daemon_log() or
                   p.daemon.poll() is not None)
        assert "no backup was made" in p.daemon_log(), p.daemon_log()
        assert os.listdir(p.path("backups")) == [older]


def test_a_crash_in_the_midst_of_one_leaves_nothing_and_it_is_made_up_for():
    with place(serve=False) as p:
        os.mkdir(p.path("backups"))
        configure(p)
        p.start()
        made(p)
        assert p.stop() == 0
        rename_to_age(p, shelf(p)[0], 50)
        fatten(p, 150)
        p.start(wait=False)
        wait_until("it is being copied", lambda: [n for n in os.listdir(p.path("backups")) if n.endswith(".tmp")],
                   step=0.002)
        p.kill()
        assert len(shelf(p)) == 1
        for name in [n for n in os.listdir(p.path("backups")) if ".tmp" in n]:
            os.rename(p.path("backups/" + name), p.path("backups/" + shelf(p)[0] + name[31:]))  # of some other second
        p.start()
        made(p, 2)
        assert not [n for n in os.listdir(p.path("backups")) if ".tmp" in n]
        whole(p.path("backups/" + shelf(p)[-1]))


def test_one_by_hand_is_waited_for():
    with place(serve=False) as p:
        os.mkdir(p.path("backups"))
        p.start()
        assert p.stop() == 0
        fatten(p, 150)
        p.start()
        by_hand = subprocess.Popen([ROTA, "backup", "--state", p.state, p.path("mine.db")], env=p.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until("it is being copied", lambda: os.path.exists(p.path("mine.db.tmp")), step=0.002)
        configure(p)
        p.rota("reload")
        made(p)
        assert by_hand.wait(60) == 0, by_hand.stderr.read()
        whole(p.path("mine.db"))
        assert "failed" not in p.daemon_log() and "no backup was made" not in p.daemon_log(), p.daemon_log()


run(globals())
