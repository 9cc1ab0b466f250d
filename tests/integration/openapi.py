#!/usr/bin/env python3
"""The OpenAPI document against the program: its routes, and what a daemon with data answers."""
import json
import os
import re
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run  # noqa: E402
from schema import faults, resolved  # noqa: E402
from wire import Events, ask  # noqa: E402

SOURCE = os.environ["ROTA_SOURCE"]

ETL = """
    description: Takes, makes, gives
    owner: anna
    tags: [nightly]
    schedule: {cron: "15 3 * * *", timezone: Europe/Berlin}
    params:
      rows: {type: int, default: 5}
      word: {type: string, default: hello}
    tasks:
      take: {run: "echo taking; echo rows=3 >> $ROTA_OUTPUT", doc: "Takes it"}
      make:
        matrix: {part: [1, 2, 3]}
        run: "echo part"
        needs: [take]
      give: {run: "echo $ROTA_PARAM_WORD; test $ROTA_PARAM_ROWS -gt 1", needs: [make]}
"""
BAD = """
    tasks:
      train: {run: "echo start; echo 'ValueError: no such thing'; exit 3", retries: {max: 1, delay: 1s}}
      after: {run: "true", needs: [train]}
"""
SLOW = 'tasks: {wait: {run: "sleep 600"}, other: {run: "true", needs: [wait]}}\n'


def document():
    with open(os.path.join(SOURCE, "scheduler/api/openapi.json"), encoding="utf-8") as f:
        return json.load(f)


def routes():
    """{(method, pattern): role} as scheduler/api/routes.h has them."""
    with open(os.path.join(SOURCE, "scheduler/api/routes.h"), encoding="utf-8") as f:
        rows = re.findall(r'X\(\w+, (GET|POST), "([^"]+)", \w+, (\w+)\)', f.read())
    return {(method.lower(), path): role.lower() for method, path, role in rows if path != "/*"}


def operations(doc):
    return {(method, path): op for path, item in doc["paths"].items() for method, op in item.items()}


class Checked:
    """Asks a daemon and holds each answer against the document."""

    def __init__(self, p):
        self.place, self.document, self.asked, self.faults = p, document(), {}, []
        self.operations = operations(self.document)

    def __call__(self, method, pattern, want, body=None, query="", headers=None, **values):
        """Asks over the socket, or with headers over the port; gives what was answered."""
        path = pattern
        for name, value in values.items():
            path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
        answer = ask(self.place, method.upper(), path + query, body=body, port=headers is not None, **headers or {})
        told = f"{method.upper()} {path}{query}"
        if answer.status != want:
            self.faults.append(f"{told}: {answer.status}, not {want}: {answer.body[:300]!r}")
            return None
        self.asked.setdefault((method, pattern), set()).add(answer.status)
        operation = self.operations[(method, pattern)]
        responses = operation["responses"]
        if str(want) not in responses and want < 400:
            self.faults.append(f"{told}: {want} isn't documented")
            return None
        if body is not None and want < 400:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self.faults += [f"{told}: body: {fault}" for fault in faults(self.document, schema, body)]
        return self.check(told, resolved(self.document, responses.get(str(want), responses["default"])), answer)

    def check(self, told, response, answer):
        kind = answer.headers.get("content-type", "").split(";")[0]
        content = response.get("content", {})
        if kind not in content:
            self.faults.append(f"{told}: {kind} isn't one of {list(content)}")
            return None
        if "json" not in kind:
            return answer.body
        value = json.loads(answer.body)
        self.faults += [f"{told}: {fault}" for fault in faults(self.document, content[kind]["schema"], value)]
        return value


def test_the_document_has_every_route_and_no_other():
    told = {key: op["x-role"] for key, op in operations(document()).items()}
    known = {key: "none" if role == "public" else role for key, role in routes().items()}
    assert told == known, {key: (told.get(key), known.get(key)) for key in set(told) | set(known)
                           if told.get(key) != known.get(key)}


def test_the_document_is_whole():
    doc = document()
    names = [op["operationId"] for op in operations(doc).values()]
    assert len(names) == len(set(names)), sorted(names)
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(doc)))
    assert used == set(doc["components"]["schemas"]), used ^ set(doc["components"]["schemas"])
    for (_, path), op in operations(doc).items():
        named = {p["name"] for p in op.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path


def read_everything(check, good, bad, live):
    get = lambda pattern, **more: check("get", pattern, 200, **more)  # noqa: E731
    v = "/api/v1"
    for path in ("/healthz", "/metrics", v + "/health", v + "/me", v + "/tokens", v + "/sessions", v + "/openapi.json", v + "/status",
                 v + "/overview", v + "/pipelines", v + "/runs", v + "/run-count", v + "/schedule", v + "/firings",
                 v + "/audit", v + "/restore", v + "/hosts"):
        get(path)
    for host in ("local", "gpu01"):
        get(v + "/hosts/{host}", host=host)
    get(v + "/runs/{run}/files", run=bad, query="?task=train")
    get(v + "/runs", query="?limit=1&q=state%3Afailed")
    get(v + "/schedule", query="?pipeline=etl&n=3")
    for part in ("", "/grid", "/graph", "/trend", "/versions", "/firings", "/events"):
        for name in ("etl", "bad"):
            get(v + "/pipelines/{name}" + part, name=name)
    for part in ("", "/graph", "/failure", "/events", "/log", "/log/lines"):
        for number in (good, bad, live):
            get(v + "/runs/{run}" + part, run=number)
    get(v + "/runs/{run}/log/search", run=bad, query="?q=error&case=0")
    get(v + "/runs/{run}/log/file", run=bad)
    get(v + "/runs/{run}/why", run=live, query="?task=other")
    get(v + "/runs/{run}/why", run=bad, query="?task=after")
    get(v + "/compare", query=f"?a={good}&b={urllib.parse.quote('etl#2')}".replace("#", "%23"))


def change_everything(check, p, good, bad, live):
    post = lambda pattern, want=200, **more: check("post", pattern, want, **more)  # noqa: E731
    v, r, n = "/api/v1", "/api/v1/runs/{run}", "/api/v1/pipelines/{name}"
    post(n + "/runs", 200, name="etl", body={"dry_run": True, "params": {"rows": 7}})
    post(r + "/rerun", 200, run=bad, body={"mode": "failed", "dry_run": True})
    post(r + "/rerun", 200, run=bad, body={"mode": "failed"})
    post(r + "/rerun", 201, run=good, body={"mode": "all", "params": {"rows": 9}})
    post(r + "/mark", 200, run=live, body={"task": "other", "state": "skipped", "reason": "not today"})
    post(r + "/retry", 409, run=live, body={"task": "wait"})
    post(r + "/note", 200, run=good, body={"text": "seen"})
    post(r + "/keep", 200, run=good, body={"keep": True})
    post(r + "/cancel", 200, run=live, body={})
    post(n + "/note", 200, name="etl", body={"text": "seen"})
    post(n + "/pause", 200, name="etl", body={"reason": "works"})
    check("get", v + "/pipelines", 200)
    post(n + "/resume", 200, name="etl", body={})
    post(v + "/pause", 200, body={"reason": "works"})
    check("get", v + "/status", 200)
    check("get", v + "/overview", 200)
    post(v + "/resume", 200, body={})
    post(v + "/reload", 200, body={})
    host = v + "/hosts/{host}"
    post(host + "/down", 200, host="gpu01", body={"dry_run": True})
    for order in ("/drain", "/down", "/up"):
        post(host + order, 200, host="gpu01", body={"reason": "works"})
    post(host + "/drain", 404, host="gpu09", body={"reason": "works"})
    post(host + "/check", 200, host="gpu01", body={})
    post(host + "/doctor", 200, host="gpu01", body={})
    check("get", host, 200, host="gpu01")
    post(host + "/doctor", 404, host="gpu09", body={})
    post(host + "/check", 409, host="local", body={})
    post(v + "/restore", 404, body={"key": "1", "answer": "skip"})
    post(v + "/restore/close", 200, body={})
    post(v + "/backup", 200, body={"file": p.path("copy.db")})


def log_in_and_out(check):
    post = lambda pattern, want=200, **more: check("post", pattern, want, **more)  # noqa: E731
    v = "/api/v1"
    token = post(v + "/tokens", 201, body={"name": "ci", "role": "viewer"})
    origin = check.place.url
    answer = ask(check.place, "POST", v + "/login", body={"token": token["token"]}, port=True, Origin=origin)
    cookie = answer.headers["set-cookie"].split(";")[0]
    check("get", v + "/me", 200, headers={"Cookie": cookie})
    check("get", v + "/runs", 401, headers={})
    check("post", v + "/reload", 403, body={}, headers={"Cookie": cookie, "Origin": origin})
    check("post", v + "/logout", 200, body={}, headers={"Cookie": cookie, "Origin": origin})
    post(v + "/login", 200, body={"token": token["token"]})
    sessions = check("get", v + "/sessions", 200)
    post(v + "/sessions/{session}/revoke", 200, session=sessions["items"][0]["id"], body={})
    check("get", v + "/tokens", 200)
    post(v + "/tokens/{token}/revoke", 200, token=token["id"], body={})
    post(v + "/login", 401, body={"token": token["token"]})
    post(v + "/login-links", 201, body={})


# Nothing answers there.
HOSTS = "hosts: {gpu01: {ssh: \"ml@127.0.0.1:1\", slots: {gpu: 2}}}\n"


def test_answers_are_as_documented():
    with place(HOSTS) as p:
        for name, text in (("etl", ETL), ("bad", BAD), ("slow", SLOW)):
            p.pipeline(name, text)
        p.pipeline("broken", "tasks: {a: {run: 1, nothing: 2}}\n")
        p.rota("reload", code=None)
        p.rota("trigger", "etl", "--wait")
        p.rota("trigger", "etl", "-p", "word=bye", "--wait")
        p.rota("trigger", "bad", "--wait", code=None)
        p.rota("trigger", "slow")
        p.wait_run("slow#1", "running")
        check = Checked(p)
        read_everything(check, "etl#1", "bad#1", "slow#1")
        log_in_and_out(check)
        change_everything(check, p, "etl#1", "bad#1", "slow#1")
        read_everything(check, "etl#1", "bad#1", "slow#1")
        check("get", "/api/v1/runs/{run}", 404, run="nothing")
        check("get", "/api/v1/runs", 422, query="?q=state%3Anothing")
        check("post", "/api/v1/pipelines/{name}/runs", 422, name="etl", body={"params": {"rows": "many"}})
        unasked = set(check.operations) - set(check.asked) - {("get", "/api/v1/stream")}
        check.faults += [f"{method} {path}: was never asked" for method, path in sorted(unasked)]
        assert not check.faults, "\n" + "\n".join(sorted(set(check.faults)))
        assert check.document == json.loads(ask(p, "GET", "/api/v1/openapi.json").body)


def test_the_stream_is_of_the_documented_type():
    with place() as p:
        events = Events(p)
        events.next()
        kind = re.search(rb"Content-Type: ([\w/-]+)", events.head)[1].decode()
        assert list(document()["paths"]["/api/v1/stream"]["get"]["responses"]["200"]["content"]) == [kind]
        events.close()


if __name__ == "__main__":
    run(globals())
