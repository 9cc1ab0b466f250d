#!/usr/bin/env python3
"""What an enemy or an accident hands in: refused in bounded time and memory, with the place that is wrong, and nothing
else changes."""
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import ROTA, place, run, supervisors, wait_until  # noqa: E402

MEMORY_MB = 120  # for a program that takes about 15 when it has nothing to do
SECONDS = 10     # on a busy machine; each is expected to take a small part of a second
GOOD = 'tasks: {a: {run: "true"}}\n'


def refused(p, command, words, codes=(1, 2), memory=MEMORY_MB, stdin=None):
    """Runs a command that must fail soon, say each of the words, and stay small."""
    begin = time.monotonic()
    child = subprocess.Popen([ROTA, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=p.root, env=p.environment())
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    took = time.monotonic() - begin
    shown = text.decode("utf-8", "replace")
    command = [str(c)[:200] for c in command]
    assert child.returncode in codes, (command, child.returncode, shown[:600])
    assert took < SECONDS, (command, took)
    if not os.environ.get("ROTA_SANITIZED"):
        assert usage.ru_maxrss < memory * 1024, (command, usage.ru_maxrss)
    assert len(text) < 200_000, (command, len(text))
    assert b"\x00" not in text and b"\x1b" not in text, (command, shown)
    for word in words:
        assert word in shown, (command, word, shown[:1200])
    return shown


def write(p, name, content):
    path = os.path.join(p.dags, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return path


def aliases():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]" for i in range(1, 12)]
    return "\n".join(lines) + "\ntasks: {a: {run: 'true'}}\n"


def tasks(text):
    return "tasks:\n  a:\n    run: t\n    " + text + "\n"


# name, content, what the message must hold besides the file's name; a list is one of a place
HOSTILE = {
    "binary": (os.urandom(200_000), []),
    "zeros": (b"\0" * 100_000, []),
    "elf": (b"\x7fELF\x02\x01\x01" + b"\0" * 4000, []),
    "latin1": ("tasks: {a: {run: 'caf\xe9'}}\n".encode("latin-1"), [":1:"]),
    "utf16": ("tasks: {a: {run: t}}\n".encode("utf-16"), []),
    "surrogate": (b"tasks: {a: {run: '\xed\xa0\x80'}}\n", [":1:"]),
    "nested_flow": ("tasks: " + "[" * 10_000 + "]" * 10_000, [":1:"]),
    "nested_maps": ("tasks: " + "{a: " * 10_000 + "}" * 10_000, [":1:"]),
    "nested_blocks": ("".join(" " * i + "a:\n" for i in range(900)), []),
    "unclosed": ("[" * 200_000, [":1:"]),
    "nested_dashes": ("- " * 10_000, []),
    "aliases": (aliases(), [":1:", "defaults"]),
    "anchor": ("tasks: &t {a: {run: t}}\n", [":1:8"]),
    "merge": ("x: &x {a: 1}\ntasks: {<<: *x}\n", []),
    "tag": ("tasks: !!python/object:os.system {a: {run: t}}\n", [":1:8"]),
    "two_documents": (GOOD + "---\n" + GOOD, []),
    "empty": ("", []),
    "only_comment": ("# nothing\n", []),
    "scalar": ("just text\n", [":1:1"]),
    "list": ("- a\n- b\n", [":1:1"]),
    "null_tasks": ("tasks:\n", ["tasks"]),
    "no_tasks": ("tasks: {}\n", ["tasks"]),
    "huge_key": ("tasks: {" + "k" * 500_000 + ": {run: t}}\n", [":1:"]),
    "huge_scalar": ("description: " + "x" * 1_040_000 + "\ntasks: 5\n", [":1:14", "256 KiB"]),
    "long_line_error": ("tasks: {a: {run: t, " + "x" * 300_000 + ": 1}}\n", [":1:21"]),
    "many_errors": ("tasks:\n" + "".join(f"  t{i}: {{rum: x}}\n" for i in range(9_000)), [":2:", "more"]),
    "many_tasks": ("tasks:\n" + "".join(f"  t{i}: {{run: x}}\n" for i in range(10_001)), [":1:", "10,000"]),
    "duplicate": ("tasks:\n  a: {run: t}\n  a: {run: u}\n", [":3:3", "a"]),
    "duplicate_key": ("tasks:\n  a: {run: t, run: u}\n", [":2:", "run"]),
    "cycle": ("tasks:\n  a: {run: t, needs: b}\n  b: {run: t, needs: a}\n", ["a -> b -> a"]),
    "self_cycle": (tasks("needs: a"), [":4:5", "needs itself"]),
    "unknown_task": (tasks("needs: b"), [":4:", "'b'"]),
    "unknown_key": (tasks("retry: 3"), [":4:5", "did you mean 'retries'"]),
    "unknown_top": ("task: {a: {run: t}}\n", [":1:1", "'tasks'"]),
    "reserved": (tasks("secrets: [x]"), [":4:5"]),
    "tab": ("tasks:\n\ta: {run: t}\n", [":2:"]),
    "carriage_escape": ("tasks: {\"a\\x1b[31m\": {run: t}}\n", [":1:"]),
    "control": ("tasks: {a: {run: 'x\x07y'}}\n", [":1:"]),
    "bad_name": ("tasks: {'a b': {run: t}}\n", [":1:"]),
    "long_name": ("tasks: {" + "a" * 129 + ": {run: t}}\n", [":1:"]),
    "bool": (tasks("allow_failure: yes"), [":4:", "true"]),
    "int": (tasks("retries: many"), [":4:"]),
    "negative": (tasks("retries: -1"), [":4:"]),
    "overflow": (tasks("retries: 99999999999999999999"), [":4:"]),
    "priority_overflow": (tasks("priority: 9223372036854775808"), [":4:"]),
    "duration": (tasks("timeout: 5 minutes"), [":4:"]),
    "duration_overflow": (tasks("timeout: 99999999999999d"), [":4:"]),
    "sexagesimal": (tasks("timeout: 1:30"), [":4:"]),
    "slots_zero": (tasks("slots: {cpu: 0}"), [":4:"]),
    "slots_more": (tasks("slots: {cpu: 1000000}"), [":4:"]),
    "cron": ("schedule: '61 * * * *'\n" + GOOD, [":1:"]),
    "cron_six": ("schedule: '* * * * * *'\n" + GOOD, [":1:"]),
    "cron_never": ("schedule: '0 0 30 2 *'\n" + GOOD, [":1:"]),
    "cron_star": ("schedule: * * * * *\n" + GOOD, [":1:"]),
    "zone": ("schedule: {cron: '0 0 * * *', timezone: Mars/Base}\n" + GOOD, [":1:", "Mars/Base"]),
    "zone_path": ("schedule: {cron: '0 0 * * *', timezone: ../../../etc/passwd}\n" + GOOD, [":1:"]),
    "every": ("schedule: {every: 0s}\n" + GOOD, [":1:"]),
    "every_and_cron": ("schedule: {every: 1h, cron: '0 0 * * *'}\n" + GOOD, [":1:"]),
    "same_schedule": ("schedule: ['0 0 * * *', '0 0 * * *']\n" + GOOD, [":1:"]),
    "param_type": ("params: {n: {type: integer}}\n" + GOOD, [":1:"]),
    "param_default": ("params: {n: {type: int, default: x}}\n" + GOOD, [":1:"]),
    "param_bounds": ("params: {n: {type: int, default: 5, max: 4}}\n" + GOOD, [":1:"]),
    "param_scheduled": ("params: {n: {type: int}}\nschedule: '0 0 * * *'\n" + GOOD, ["n"]),
    "param_collision": ("params: {n: {type: int, default: 1}, N: {type: int, default: 1}}\n" + GOOD, ["ROTA_PARAM_N"]),
    "interpolated": (tasks("env: {}\n  b:\n    run: echo ${{ params.n }}"), [":6:"]),
    "expr_unknown": (tasks("when: params.n > 1"), [":4:", "n"]),
    "expr_type": (tasks("when: 1 + 'x'"), [":4:"]),
    "expr_syntax": (tasks("when: (1 == 1"), [":4:"]),
    "expr_deep": (tasks("when: " + "(" * 20_000 + "1" + ")" * 20_000), [":4:"]),
    "expr_long": (tasks("when: " + " && ".join(["true"] * 50_000)), []),
    "expr_not_needed": ("tasks:\n  a: {run: t, outputs: {k: int}}\n  b: {run: t, when: tasks.a.outputs.k > 1}\n", [":3:"]),
    "expr_no_output": ("tasks:\n  a: {run: t}\n  b: {run: t, needs: a, when: tasks.a.outputs.k > 1}\n", [":3:", "k"]),
    "matrix_scalar": (tasks("matrix: {x: 5}"), [":4:"]),
    "matrix_huge": (tasks("matrix: {a: [" + "1," * 200 + "], b: [" + "1," * 200 + "]}"), []),
    "matrix_names": (tasks("matrix: {1x: [1]}"), [":4:"]),
    "host": (tasks("on: nowhere"), [":4:", "nowhere"]),
    "shell": (tasks("shell: []"), [":4:"]),
    "env_name": (tasks("env: {'A=B': c}"), [":4:"]),
    "env_nul": (tasks('env: {A: "x\\0y"}'), [":4:"]),
    "run_nul": ('tasks: {a: {run: ["x\\0y"]}}\n', [":1:"]),
    "run_empty": ("tasks: {a: {run: []}}\n", [":1:"]),
    "run_map": ("tasks: {a: {run: {x: y}}}\n", [":1:"]),
    "exit_codes": (tasks("retries: {max: 1, exit_codes: [256]}"), [":4:"]),
    "finally_needed": ("tasks:\n  a: {run: t, finally: true}\n  b: {run: t, needs: a}\n", [":3:"]),
    "same_unequal": ("tasks:\n  a: {run: t, matrix: {x: [1, 2]}}\n  b: {run: t, needs: {a: same}}\n", [":3:"]),
    "flow_expr": (tasks("env: {A: ${{ params.n }}}"), [":4:", "quote"]),
}


def test_every_hostile_file_is_refused_with_its_place():
    with place(serve=False) as p:
        wrong = []
        for name, (content, words) in HOSTILE.items():
            path = write(p, name + ".yaml", content)
            try:
                refused(p, ["validate", path], [name + ".yaml", "error", *words])
            except AssertionError as e:
                wrong.append(f"{name}: {str(e)[:1500]}")
            os.unlink(path)
        assert not wrong, "\n".join(wrong)


def test_a_file_of_100_megabytes_and_files_that_are_none_are_refused():
    with place(serve=False) as p:
        path = os.path.join(p.dags, "big.yaml")
        with open(path, "wb") as f:
            f.truncate(100 * 1024 * 1024)
        for command in (["validate", path], ["run", path]):
            refused(p, command, ["big.yaml", "1 MiB"], memory=50)  # it isn't read, not even to be refused
        os.unlink(path)
        for name, make in (("fifo", lambda at: os.mkfifo(at)), ("folder", lambda at: os.mkdir(at)), ("loop", lambda at: os.symlink(at, at)),
                           ("device", lambda at: os.symlink("/dev/zero", at)), ("closed", lambda at: os.symlink("/proc/1/mem", at))):
            path = os.path.join(p.path("other"), name + ".yaml")
            os.makedirs(p.path("other"), exist_ok=True)
            make(path)
            refused(p, ["run", path], [name + ".yaml"])


def test_the_daemon_lives_through_all_of_it_and_starts_nothing():
    with place() as p:
        write(p, "good.yaml", GOOD)
        for name, (content, _) in HOSTILE.items():
            write(p, name + ".yaml", content)
        with open(os.path.join(p.dags, "big.yaml"), "wb") as f:
            f.truncate(100 * 1024 * 1024)
        os.mkfifo(os.path.join(p.dags, "fifo.yaml"))
        os.symlink("/dev/zero", os.path.join(p.dags, "device.yaml"))
        os.symlink(p.dags, os.path.join(p.dags, "circle"))
        for name in ("Upper.yaml", "with space.yaml", "n" * 200 + ".yaml", "_hidden.yaml", ".dot.yaml", "\u00e9.yaml", "a\nb.yaml", "a\x1b[31m.yaml"):
            write(p, name, GOOD)
        begin = time.monotonic()
        done = p.rota_all("reload")
        assert done.returncode == 1 and "\x1b" not in done.stderr + done.stdout, done
        assert time.monotonic() - begin < SECONDS * 2
        listed = p.json("list")["items"]
        good = [i["name"] for i in listed if not i["error"] and i["present"]]
        assert good == ["good"], good
        assert p.json("runs")["items"] == [] and p.json("status")["degraded"] is None
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")
        p.kill()
        p.start()
        with open(f"/proc/{p.daemon.pid}/status") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        assert rss < MEMORY_MB * 1024 or os.environ.get("ROTA_SANITIZED"), rss
        assert len(p.json("runs")["items"]) == 1


def test_a_malformed_configuration_is_refused_with_its_place_and_a_reload_keeps_the_last_good_one():
    configs = {
        "slotz: {cpu: 1}\n": ":1:1", "slots: {cpu: -1}\n": ":1:", "slots: [cpu]\n": ":1:", "retention: {days: x}\n": ":1:",
        "retention: {runs: -3}\n": ":1:", "listen: 5\n": ":1:", "dags: [a]\n": ":1:", "limits: {x: 1.5}\n": ":1:", "slots: {cpu: 1}\nslots: {cpu: 2}\n": ":2:1",
        "hosts: {a: {ssh: x}, a: {ssh: y}}\n": ":1:", "groups: {g: [nowhere]}\n": ":1:", "[": ":2:", "a: &x b\n": ":1:", "timezone: Mars/Base\n": ":1:",
        "\x00\x01": "", "- x\n": ":1:1"}
    with place() as p:
        p.pipeline("good", GOOD)
        p.rota("reload")
        for text, where in configs.items():
            with open(p.config, "w") as f:
                f.write(text)
            refused(p, ["serve", "--check", "--config", p.config, "--state", p.path("new")], ["rota.yaml" + where, "error"])
            refused(p, ["serve", "--config", p.config, "--state", p.path("new")], ["rota.yaml" + where, "error"])
            done = p.rota_all("reload", "--state", p.state)
            assert done.returncode != 0, (text, done)
        assert not os.path.exists(p.path("new"))
        refused(p, ["serve", "--config", p.path("none.yaml"), "--state", p.path("new")], ["none.yaml"])
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")


def test_arguments_that_are_no_text_or_far_too_long():
    with place() as p:
        p.pipeline("good", "params: {s: {type: string, default: x}}\n" + GOOD)
        p.rota("reload")
        state = ["--state", p.state]
        long = "x" * 100_000
        for command in (["trigger", *state, b"\xff\xfe"], ["trigger", *state, long], ["show", *state, long], ["show", *state, "../../etc"], ["show", *state, "a\nb"],
                        ["trigger", *state, "good", "-p", b"s=\xff"], ["trigger", *state, "good", "-p", "=x"], ["trigger", *state, "good", "-p", b"\xff=x"],
                        ["trigger", *state, "../good"], ["trigger", *state, "good/"], ["trigger", *state, "GOOD"], ["runs", *state, long], ["runs", *state, "a" * 70_000],
                        ["logs", *state, "good", "x%00"], ["rerun", *state, "good#99999999999999999999"], ["show", *state, "good#-1"],
                        ["next", "--cron", long[:50_000], "--zone", "UTC"], ["next", "--cron", "* * * * *", "--zone", "../../etc/passwd"],
                        ["next", "--cron", "* * * * *", "--zone", long], ["next", "--cron", "* * * * *", "--after", "9999-99-99"],
                        ["next", "--cron", "* * * * *", "-n", "99999999999999999999"], ["trigger", *state, "good", "--for", "10000-01-01T00:00:00Z"],
                        ["note", *state, "good", ""], ["run", p.path("dags/good.yaml"), "-p", b"s=\xff"], ["run", p.path("dags/good.yaml"), "-p", "t=1"]):
            refused(p, command, [], codes=(1, 2))
        assert p.json("runs")["items"] == []


# ---- over the socket ----

def talk(p, raw, seconds=10):
    """Sends bytes as they are; what came back until the connection ends, or the answer is whole."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(seconds)
        s.connect(os.path.join(p.state, "rota.sock"))
        try:
            s.sendall(raw)
        except BrokenPipeError:
            pass
        answer = b""
        while True:
            try:
                more = s.recv(65536)
            except (ConnectionResetError, TimeoutError):
                return answer
            if not more:
                return answer
            answer += more
            head, _, body = answer.partition(b"\r\n\r\n")
            length = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
            if length and len(body) >= length[0]:
                return answer


def ask(p, method, target, body=None, **headers):
    """The status and the JSON of the answer."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {len(content)}"]
    if method == "POST":
        lines.append("Content-Type: " + headers.pop("type", "application/json"))
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
    answer = talk(p, "\r\n".join(lines).encode() + b"\r\n\r\n" + content)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head, (method, target)
    status = int(head.split()[1])
    if status >= 400:
        problem = json.loads(rest)
        assert b"application/problem+json" in head and problem["status"] == status and problem["title"] and problem["detail"], answer
    return status, json.loads(rest) if rest else None


RUNS = "/api/v1/pipelines/good/runs"


def test_bad_requests_get_problem_documents_and_change_nothing():
    with place() as p:
        p.pipeline("good", "params: {n: {type: int, default: 1}, s: {type: string, default: x}}\n" + GOOD)
        p.rota("reload")
        cases = [
            ("POST", RUNS, b"{", (400, 422)), ("POST", RUNS, b"nonsense", (400, 422)),
            ("POST", RUNS, b'{"now": true, "now": false}', (400, 422)), ("POST", RUNS, {"paramz": {}}, (400, 422)), ("POST", RUNS, b"[]", (400, 422)),
            ("POST", RUNS, b"null", (400, 422)), ("POST", RUNS, {"params": []}, (400, 422)), ("POST", RUNS, {"params": {"n": 1.5}}, (400, 422)),
            ("POST", RUNS, {"params": {"n": {"x": 1}}}, (400, 422)), ("POST", RUNS, {"params": {"nn": 1}}, (400, 422)), ("POST", RUNS, {"now": "yes"}, (400, 422)),
            ("POST", RUNS, {"for": "yesterday"}, (400, 422)), ("POST", RUNS, {"for": 5}, (400, 422)), ("POST", RUNS, b'{"params": {"s": "\\u0000"}}', (400, 422)),
            ("POST", RUNS, b'{"params": {"s": "\xff"}}', (400, 422)), ("POST", RUNS, b'{"params": {"s": "\\ud800"}}', (400, 422)),
            ("POST", RUNS, b'{"params": {"n": 1e400}}', (400, 422)), ("POST", RUNS, b'{"params": {"n": 99999999999999999999}}', (400, 422)),
            ("POST", RUNS, b"[" * 500_000, (400, 422)), ("POST", RUNS, b'{"params":' * 50_000, (400, 422)), ("POST", RUNS, b"{} trailing", (400, 422)),
            ("POST", RUNS, b" " * 2_000_000, (413,)), ("POST", "/api/v1/pipelines/nope/runs", {}, (404,)), ("POST", "/api/v1/pipelines/..%2fgood/runs", {}, (404, 400, 422)),
            ("GET", "/api/v1/nope", None, (404,)), ("GET", "/assets/none.js", None, (404,)), ("GET", "/api/v1/../v1/status", None, (404, 400)), ("GET", "/api/v1/%2e%2e/status", None, (404, 400)),
            ("GET", "/api/v1/runs/%00", None, (400,)), ("GET", "/api/v1/runs/%zz", None, (400,)), ("GET", "/api/v1/runs/%", None, (400,)), ("GET", "/api/v1/runs/%ff", None, (400,)),
            ("GET", "/api/v1/runs/..%2f..%2f..%2fetc%2fpasswd/log", None, (404, 422)), ("GET", "/api/v1/runs?limit=0", None, (422,)), ("GET", "/api/v1/runs?limit=501", None, (422,)),
            ("GET", "/api/v1/runs?limit=1x", None, (422,)), ("GET", "/api/v1/runs?after=zzz", None, (422,)), ("GET", "/api/v1/runs?q=%22", None, (422,)),
            ("GET", "/api/v1/runs?q=state%3Anone", None, (422,)), ("GET", "/api/v1/runs?limit=1&limit=2", None, (400, 422)), ("GET", "/api/v1/schedule?n=x", None, (422,)),
            ("GET", "/api/v1/schedule?after=never", None, (422,)), ("DELETE", "/api/v1/status", None, (405,)), ("PUT", RUNS, None, (405,)), ("GET", RUNS, None, (405,)),
            ("POST", "/api/v1/status", {}, (405,)), ("TRACE", "/api/v1/status", None, (405, 501)), ("POST", "/api/v1/pipelines/good/pause", {}, (400, 422)),
            ("POST", "/api/v1/pipelines/good/pause", {"reason": ""}, (400, 422)), ("POST", "/api/v1/pause", {"reason": 5}, (400, 422)),
            ("POST", "/api/v1/backup", {}, (400, 422)), ("POST", "/api/v1/backup", {"file": "relative"}, (400, 409, 422)),
            ("POST", "/api/v1/runs/nope/cancel", {}, (404,)), ("POST", "/api/v1/runs/nope/mark", {"task": "a", "state": "done", "reason": "x"}, (400, 404, 422)),
        ]
        wrong = []
        for method, target, body, expected in cases:
            status, answer = ask(p, method, target, body)
            if status not in expected:
                wrong.append((method, target, (body if isinstance(body, bytes) else repr(body).encode())[:60], status, answer))
        assert not wrong, "\n".join(map(repr, wrong))
        assert ask(p, "POST", RUNS, {}, type="text/plain")[0] == 415
        for key in ("", "x" * 129, "caf\xe9"):
            assert ask(p, "POST", RUNS, {}, Idempotency_Key=key)[0] == 400, key
        assert p.json("runs")["items"] == [] and all(i["paused"] is None for i in p.json("list")["items"])
        assert p.json("status")["paused"] is None


def test_an_idempotency_key_serves_one_request_only():
    with place() as p:
        p.pipeline("good", GOOD)
        p.pipeline("other", GOOD)
        p.rota("reload")
        first = ask(p, "POST", RUNS, {}, Idempotency_Key="k")
        assert first[0] == 201 and ask(p, "POST", RUNS, {}, Idempotency_Key="k") == first
        assert ask(p, "POST", RUNS, {"now": True}, Idempotency_Key="k")[0] == 422
        assert ask(p, "POST", "/api/v1/pipelines/other/runs", {}, Idempotency_Key="k")[0] == 422
        refused_once = ask(p, "POST", RUNS, {"params": {"x": 1}}, Idempotency_Key="bad")
        assert refused_once[0] == 422 and ask(p, "POST", RUNS, {"params": {"x": 1}}, Idempotency_Key="bad")[0] == 422
        assert len(p.json("runs")["items"]) == 1


def test_bytes_that_are_no_http_end_the_connection_and_nothing_else():
    with place() as p:
        p.pipeline("good", GOOD)
        p.rota("reload")
        post = f"POST {RUNS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for raw in (b"\0" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nA" + b"b" * 100_000 + b": c\r\n\r\n",
                    (post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ").encode(), (post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}").encode(),
                    (post + "Content-Length: -1\r\n\r\n{}").encode(), (post + "Content-Length: 99999999999999999999\r\n\r\n{}").encode(),
                    (post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n").encode(), (post + " Content-Length: 2\r\n\r\n{}").encode(),
                    (post + "Content-Length : 2\r\n\r\n{}").encode()):
            answer = talk(p, raw, seconds=2)
            assert not answer or answer.split()[1][:1] in (b"4", b"5"), (raw[:200], answer[:300])
        held = []
        try:
            for _ in range(200):  # connections that say nothing, or stop in the middle
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(5)
                try:
                    s.connect(os.path.join(p.state, "rota.sock"))
                    s.sendall((post + "Content-Length: 100\r\n\r\n{").encode())
                except OSError:
                    s.close()
                    continue
                held.append(s)
            for s in held[:len(held) // 2]:
                s.close()
            wait_until("the daemon answers others", lambda: p.rota_all("status").returncode == 0)
        finally:
            for s in held:
                s.close()
        assert p.json("runs")["items"] == []
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")


def test_what_a_task_writes_can_harm_nobody():
    with place() as p:
        p.pipeline("rude", r"""
            tasks:
              outputs: {run: 'head -c 3000000 /dev/zero | tr "\\0" x > "$ROTA_OUTPUT"', outputs: {k: string}}
              binary: {run: 'head -c 5000 /dev/urandom >> "$ROTA_OUTPUT"', outputs: {k: string}}
              unclosed: {run: 'printf "k<<END\nx\n" >> "$ROTA_OUTPUT"', outputs: {k: string}}
              big: {run: 'printf "k=%070000d\n" 1 >> "$ROTA_OUTPUT"', outputs: {k: string}}
              fifo: {run: 'rm -f "$ROTA_OUTPUT"; mkfifo "$ROTA_OUTPUT"', outputs: {k: string}}
              link: {run: 'ln -sf /dev/zero "$ROTA_OUTPUT"', outputs: {k: string}}
              folder: {run: 'rm -f "$ROTA_OUTPUT"; mkdir "$ROTA_OUTPUT"', outputs: {k: string}}
              summary: {run: 'ln -sf /dev/zero "$ROTA_SUMMARY"; mkfifo "$ROTA_PROGRESS"'}
              long_summary: {run: 'head -c 1000000 /dev/zero | tr "\\0" x > "$ROTA_SUMMARY"'}
              escapes: {run: 'printf "\\033]0;owned\\007\\033[2Jx\\n"; exit 1'}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "rude").strip()
        shown = p.wait_run(run_id, "failed")
        got = {t["label"]: t["state"] for t in shown["tasks"]}
        assert got == {"outputs": "failed", "binary": "failed", "unclosed": "failed", "big": "failed", "fifo": "failed", "link": "failed", "folder": "failed",
                       "summary": "succeeded", "long_summary": "succeeded", "escapes": "failed"}, {t["label"]: (t["state"], t["reason"]) for t in shown["tasks"]}
        assert all(t["reason"] for t in shown["tasks"] if t["state"] == "failed")
        assert "\x1b" not in p.rota("show", run_id) and "\x07" not in p.rota("show", run_id)
        assert p.rota_all("status").returncode == 0


def test_pipes_in_place_of_an_attempts_files_hold_nobody_up():
    with place("slots: {cpu: 8}\n") as p:
        until = lambda name: f"until [ -e {p.path(name)} ]; do sleep 0.1; done"
        p.pipeline("pipes", f"""
            tasks:
              index: {{run: 'echo printed; mkfifo "$ROTA_DIR/log.idx"; {until("others")}'}}
              log: {{run: 'mkfifo "$ROTA_DIR/log"; echo printed; {until("others")}'}}
              owner: {{run: 'rm "$ROTA_DIR/owner"; mkfifo "$ROTA_DIR/owner"; {until("owner")}'}}
              ended: {{run: '{until("others")}'}}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "pipes").strip()
        running = lambda: [a for a in p.json("show", run_id)["attempts"] if a["state"] == "running"]
        wait_until("all run", lambda: len(running()) == 4)
        pipes = lambda: [name for folder, _, names in os.walk(p.state) for name in names
                         if stat.S_ISFIFO(os.lstat(os.path.join(folder, name)).st_mode)]
        wait_until("the pipes are there", lambda: {"log.idx", "log", "owner"} <= set(pipes()))
        p.kill()
        p.start()
        open(p.path("others"), "w").close()
        state = lambda: {t["label"]: t["state"] for t in p.json("show", run_id)["tasks"]}
        wait_until("the others end", lambda: list(state().values()).count("succeeded") >= 3)
        for task in ("index", "log"):
            done = p.rota_all("logs", run_id, task, timeout=10)
            assert done.returncode != 0 and "can't be read" in done.stderr, (task, done)
        wait_until("what nobody can say is said", lambda: state()["owner"] == "unreachable")
        open(p.path("owner"), "w").close()
        wait_until("its supervisor has ended", lambda: not supervisors(p.state))
        p.rota_all("cancel", run_id)  # refused where the daemon has looked again by itself meanwhile
        wait_until("it is looked at again and has ended", lambda: state()["owner"] == "succeeded")


run(globals())
