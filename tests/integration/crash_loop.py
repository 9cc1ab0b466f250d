#!/usr/bin/env python3
"""What crashes the daemon again and again is left aside after three times, and the rest goes on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from exposition import Exposition  # noqa: E402
from harness import place, run, wait_until  # noqa: E402
from preload import build  # noqa: E402

# Ends the process as soon as a library is given a text with poison in it: what a bug of ours would do.
POISON = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
static void taste(const void *text, size_t len) {
  const char *poison = getenv("TEST_POISON");
  if (poison && len && memmem(text, len, poison, strlen(poison))) abort();
}
void yaml_parser_set_input_string(void *parser, const unsigned char *input, size_t size) {
  taste(input, size);
  ((void (*)(void *, const unsigned char *, size_t))dlsym(RTLD_NEXT, "yaml_parser_set_input_string"))(parser, input, size);
}
void *json_loadb(const char *text, size_t len, size_t flags, void *error) {
  taste(text, len);
  return ((void *(*)(const char *, size_t, size_t, void *))dlsym(RTLD_NEXT, "json_loadb"))(text, len, flags, error);
}
void *json_loads(const char *text, size_t flags, void *error) {
  taste(text, strlen(text));
  return ((void *(*)(const char *, size_t, void *))dlsym(RTLD_NEXT, "json_loads"))(text, flags, error);
}
"""


def crash(p, times, **env):
    """Starts daemons that each end by themselves."""
    for _ in range(times):
        daemon = p.start(wait=False, env=p.environment(**env))
        assert daemon.wait(timeout=30) == -6, (daemon.returncode, p.daemon_log())


def check_aside(p, what):
    assert p.json("status")["health"]["left_aside"] == [what]
    assert f"LEFT ASIDE after three crashes: {what}" in p.rota("status")
    doctor = p.rota_all("doctor")
    assert doctor.returncode == 2 and what in doctor.stdout, doctor.stdout
    token = p.rota("token", "create", "x", "--role", "viewer").split()[-1]
    assert Exposition(p.http("GET", "/metrics", token=token)[2].decode()).get("rota_left_aside") == 1
    assert "left aside after three crashes" in p.daemon_log()


def test_a_file_that_crashes_the_reader_is_left_aside_until_it_changes():
    with place(serve=False) as p:
        env = {"LD_PRELOAD": build(p, "poison", POISON), "TEST_POISON": "hemlock"}
        p.pipeline("good", 'tasks: {a: {run: "true"}}\n')
        p.pipeline("bad", 'tasks: {a: {run: "echo hemlock"}}\n')
        crash(p, 3, **env)
        p.start(env=p.environment(**env))
        check_aside(p, "pipeline bad")
        broken = p.json("status")["broken"]
        assert [b["file"] for b in broken] == ["bad.yaml"] and "crashed" in broken[0]["diagnostics"][0]["message"], broken
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")
        p.pipeline("bad", 'tasks: {a: {run: "echo tea"}}\n')
        p.rota("reload")
        assert p.json("status")["health"]["left_aside"] == []
        p.wait_run(p.rota("trigger", "bad").strip(), "succeeded")
        assert not os.path.exists(os.path.join(p.state, "rota.crashes"))


def started_with_poison(p):
    """A run whose parameter is poison, under way."""
    p.pipeline("good", 'tasks: {a: {run: "true"}}\n')
    p.pipeline("bad", 'params: {drink: {type: string, default: tea}}\ntasks: {a: {run: "sleep 4"}}\n')
    p.start()
    run_id = p.rota("trigger", "bad", "-p", "drink=hemlock").strip()
    wait_until("it runs", lambda: [a for a in p.json("show", run_id)["attempts"] if a["state"] == "running"])
    p.kill()
    return run_id


def test_a_run_that_crashes_the_start_is_left_aside_and_another_program_takes_it_up():
    with place(serve=False) as p:
        env = {"LD_PRELOAD": build(p, "poison", POISON), "TEST_POISON": "hemlock"}
        run_id = started_with_poison(p)
        full_id = [d for d in os.listdir(os.path.join(p.state, "runs"))][0]
        crash(p, 3, **env)
        p.start(env=p.environment(**env))
        check_aside(p, f"run {full_id}")
        token = p.rota("token", "create", "y", "--role", "viewer").split()[-1]
        titles = [a["title"] for a in p.http("GET", "/api/v1/overview", token=token)[2]["attention"]]
        assert f"run {full_id} was left aside" in titles, titles
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")
        assert p.json("show", run_id)["state"] == "running", "nobody looks after it"
        p.stop()
        os.unlink(os.path.join(p.state, "rota.crashes"))  # as an upgrade does
        p.start()
        shown = p.wait_run(run_id, "succeeded")
        assert len(shown["attempts"]) == 1, shown["attempts"]
        assert p.json("status")["health"]["left_aside"] == []


def test_a_version_that_crashes_the_start_is_read_anew_from_its_file():
    with place(serve=False) as p:
        env = {"LD_PRELOAD": build(p, "poison", POISON), "TEST_POISON": '"hemlock"'}  # as only its JSON has it
        book = p.path("book")
        p.pipeline("good", 'tasks: {a: {run: "true"}}\n')
        p.pipeline("bad", "env: {DRINK: hemlock}\ntasks: {a: {run: 'echo done > %s'}}\n" % book)
        p.start()
        p.stop()
        crash(p, 3, **env)
        p.start(env=p.environment(**env))
        aside = p.json("status")["health"]["left_aside"]
        assert len(aside) == 1 and aside[0].startswith("version "), aside
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")
        p.rota("trigger", "bad")  # of the version that was made of its file
        wait_until("its task has run", lambda: os.path.exists(book))


def test_a_run_that_crashes_when_it_is_decided_on_is_left_aside_though_it_is_taken_up_well():
    with place(serve=False) as p:
        env = {"LD_PRELOAD": build(p, "poison", POISON), "TEST_POISON": "hemlock"}
        p.pipeline("good", 'tasks: {a: {run: "true"}}\n')
        p.pipeline("bad", """
            tasks:
              a:
                run: |
                  sleep 1
                  printf 'drinks=["hem%s"]\\n' lock >> "$ROTA_OUTPUT"
                outputs: {drinks: {type: list, items: string}}
        """)
        daemon = p.start(env=p.environment(**env))
        p.rota("trigger", "bad")
        assert daemon.wait(timeout=30) == -6, p.daemon_log()
        run_id = os.listdir(os.path.join(p.state, "runs"))[0]
        crash(p, 2, **env)
        p.start(env=p.environment(**env))
        check_aside(p, f"run {run_id}")
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")
        assert p.stop() == 0
        os.unlink(os.path.join(p.state, "rota.crashes"))
        p.start()
        p.wait_run(run_id, "succeeded")
        assert p.json("status")["health"]["left_aside"] == []


run(globals())
