#!/usr/bin/env python3
"""The journal: a daemon writes one, `rota replay` decides the same again, and so it does with those that were kept."""
import glob
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay"))
from harness import bare, place, run, small_disk, wait_until  # noqa: E402
import kept  # noqa: E402

KEPT = os.path.join(os.environ["ROTA_SOURCE"], "tests/replay")
TASKS = "tasks: {a: {run: 'echo x'}, b: {needs: a, run: 'exit 1', retries: {max: 1, delay: 100ms}}}"


def replay(path, *flags, code=0):
    done = bare("replay", path, "--json", *flags)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def test_every_kept_journal_is_decided_as_it_was():
    names = kept.names(KEPT)
    assert len(names) >= 7, names
    for path in names:
        with open("journal", "wb") as f:
            f.write(kept.unpack(path))
        done = bare("replay", "journal")
        assert done.returncode == 0, f"{os.path.basename(path)}\n{done.stdout}{done.stderr}\n" \
            "If the engine is meant to decide otherwise: make replay-keep WHY=..., docs/journal.md"
        first, second = replay("journal"), replay("journal")
        assert first["digest"] == second["digest"] and first["steps"] > 5, first


def test_kept_journals_cover_what_the_engine_is_told_and_decides():
    """Every kind of event and of decision is in one of them."""
    seen = set()
    for path in kept.names(KEPT):
        with open("journal", "wb") as f:
            f.write(kept.unpack(path))
        for line in bare("replay", "journal", "--print").stdout.splitlines():
            found = re.match(r"#\d+ \S+ (?:in |out decision) (\w+)", line)
            seen |= {found.group(1)} if found else set()
    with open(os.path.join(os.environ["ROTA_SOURCE"], "scheduler/engine/engine.h"), encoding="utf-8") as f:
        header = f.read()
    kinds = {word for name in ("ENGINE_EVENT_LIST", "DECISION_LIST")
             for word in re.findall(r"X\((\w+),", header.split(f"#define {name}(X)")[1].split("enum ")[0])}
    assert len(kinds) > 20 and not kinds - seen, kinds - seen


def test_a_change_of_the_kept_journals_is_written_down():
    with open(os.path.join(KEPT, "changes.txt"), encoding="utf-8") as f:
        last = f.read().splitlines()[-1]
    day, digest, why = last.split(" ", 2)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", day) and len(why) > 5, last
    assert digest == kept.digest(KEPT), "they have changed: make replay-keep WHY=..."


def test_a_daemon_that_was_killed_and_its_successor_are_decided_again():
    with place(serve=False) as p:
        journal = p.path("j")
        p.start("--journal", journal)
        p.pipeline("night", TASKS)
        p.rota("reload")
        run_id = p.rota("trigger", "night").strip()
        p.wait_run(run_id, "failed")
        p.kill()
        p.start("--journal", journal)
        p.rota("rerun", run_id, "--wait", code=1)
        assert os.stat(journal).st_mode & 0o777 == 0o600
        live = replay(journal)  # while it is being written
        assert live["result"] == "same", live
        p.stop()
        first, second = replay(journal + ".1"), replay(journal)
        assert first["steps"] > 3 and second["steps"] > 3, (first, second)
        assert not second["cut"], second
        # It says why: of the retry, and what came in before.
        shown = bare("replay", journal, "--print").stdout
        assert re.search(r"^#\d+ \S+ in  REPORT kind=ENDED attempt_id=\"\w+\" end=EXITED status=1 ", shown, re.M), shown
        assert re.search(r"^#\d+ \S+ out row TASK .* label=\"b\" state=WAITING wait=RETRY ", shown, re.M), shown
        steps = {int(n) for n in re.findall(r"^#(\d+) ", bare("replay", journal, "--print", "--from", "3").stdout, re.M)}
        assert min(steps) == 3, steps


def test_tokens_are_not_in_it():
    with place(serve=False) as p:
        p.start("--journal", p.path("j"))
        told = p.rota("token", "create", "ci", "--role", "viewer")
        p.stop()
        with open(p.path("j"), "rb") as f:
            journal = f.read()
        secrets = [word for word in told.split() if len(word) > 30]
        assert secrets and b"token" in journal
        assert not any(word.encode() in journal for word in secrets), told
        assert replay(p.path("j"))["result"] == "same"


def test_a_journal_at_its_size_is_told_and_work_goes_on():
    with place(serve=False) as p:
        p.start("--journal", p.path("j"), "--journal-size", "1")
        p.pipeline("large", "tasks: {a: {run: \"head -c 40000 /dev/zero | tr '\\\\0' x | sed 's/^/v=/' > $ROTA_OUTPUT\", "
                            "outputs: {v: string}, matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}}")
        p.rota("reload")
        for _ in range(5):
            p.rota("trigger", "large", "--wait")
        assert "the journal isn't recorded any more" in p.daemon_log(), p.daemon_log()
        assert "has reached its size of 1 MiB" in p.daemon_log()
        p.rota("trigger", "large", "--wait")
        p.stop()
        assert os.path.getsize(p.path("j")) <= 1024 * 1024 + 4096
        told = replay(p.path("j"))
        assert told["cut"] and "has reached its size" in told["why"], told


def test_a_full_disk_ends_the_journal_alone():
    with small_disk(1) as disk, place(serve=False) as p:
        journal = os.path.join(disk, "j")
        p.start("--journal", journal)
        p.pipeline("night", "tasks: {a: {run: 'true'}}")
        p.rota("reload")
        p.rota("trigger", "night", "--wait")
        with open(os.path.join(disk, "ballast"), "wb") as f:
            try:
                while f.write(b"x" * 65536):
                    f.flush()
            except OSError:
                pass
        wait_until("it is told", lambda: p.rota("trigger", "night", "--wait") and
                   "the journal isn't recorded any more" in p.daemon_log())
        assert p.json("status")["degraded"] in (None, False), p.json("status")
        p.stop()
        os.remove(os.path.join(disk, "ballast"))
        assert replay(journal)["steps"] >= 3


def test_what_is_no_journal_stops_the_start_and_stays():
    with place(serve=False) as p:
        with open(p.path("diary"), "w", encoding="utf-8") as f:
            f.write("dear diary\n")
        daemon = p.start("--journal", p.path("diary"), wait=False)
        assert daemon.wait(timeout=30) == 1
        assert "is there already and is no journal; name another file" in p.daemon_log(), p.daemon_log()
        with open(p.path("diary"), encoding="utf-8") as f:
            assert f.read() == "dear diary\n"
        done = bare("replay", p.path("diary"))
        assert done.returncode == 1 and "it is no journal" in done.stdout, done


def test_a_second_daemon_leaves_the_journal_of_the_first_alone():
    with place(serve=False) as p:
        p.start("--journal", p.path("j"))
        before = os.stat(p.path("j")).st_ino
        first = p.daemon
        assert p.start("--journal", p.path("j"), wait=False).wait(timeout=30) != 0
        p.daemon = first
        assert os.stat(p.path("j")).st_ino == before and not glob.glob(p.path("j.1"))


run(globals())
