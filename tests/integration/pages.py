#!/usr/bin/env python3
"""What the pages of the UI read, route by route: each success and each error, from a real daemon."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, wait_until  # noqa: E402

BAD = """
    tasks:
      load: {run: "true", doc: Loads it}
      train: {needs: load, run: 'exit 3', matrix: {k: [1, 2]}}
      report: {needs: train, run: "true"}
      tidy: {run: "true", finally: true}
"""


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(p, path, method="GET", body=None):
    """Status and JSON of a request over the socket."""
    connection = Unix(os.path.join(p.state, "rota.sock"))
    headers = {"Content-Type": "application/json"} if method == "POST" else {}
    connection.request(method, "/api/v1" + path, json.dumps(body if body is not None else {}) if method == "POST" else None,
                       headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def get(p, path):
    status, body = ask(p, path)
    assert status == 200, (path, status, body)
    return body


def post(p, path, body=None, status=200):
    got, answer = ask(p, path, "POST", body)
    assert got == status, (path, got, answer)
    return answer


def refused(p, path, status, word):
    got, body = ask(p, path)
    assert got == status and word in body["detail"], (path, got, body)


def ran(p, name, *flags, code=0):
    """The id of a run of the pipeline that has ended."""
    return p.json("trigger", name, "--wait", *flags, code=code)["id"]


def test_a_grid_has_a_letter_for_each_task_of_each_run():
    with place() as p:
        p.pipeline("bad", BAD)
        p.pipeline("idle", "tasks: {a: {run: 'true'}, b: {needs: a, run: 'true'}}\n")
        p.rota("reload")
        first = ran(p, "bad", code=1)
        ran(p, "bad", code=1)
        grid = get(p, "/pipelines/bad/grid")
        assert [t["label"] for t in grid["tasks"]] == ["load", "train[1]", "train[2]", "report", "tidy"], grid
        assert [t["depth"] for t in grid["tasks"]] == [0, 1, 1, 2, 0], grid
        assert [r["number"] for r in grid["runs"]] == [2, 1] and grid["runs"][1]["id"] == first
        assert all(r["cells"] == "sffbs" and r["state"] == "failed" for r in grid["runs"]), grid
        assert grid["next"] is None
        one = get(p, "/pipelines/bad/grid?runs=1")
        assert [r["number"] for r in one["runs"]] == [2] and one["next"] == 2
        assert [r["number"] for r in get(p, "/pipelines/bad/grid?runs=1&before=2")["runs"]] == [1]
        p.rota("rerun", first, "--failed", "--wait", code=1)
        assert get(p, "/pipelines/bad/grid?runs=5")["runs"][1]["cells"] == "sFFbS"
        empty = get(p, "/pipelines/idle/grid")
        assert [(t["label"], t["depth"]) for t in empty["tasks"]] == [("a", 0), ("b", 1)] and empty["runs"] == []
        refused(p, "/pipelines/none/grid", 404, "none")
        refused(p, "/pipelines/bad/grid?runs=101", 422, "runs")
        refused(p, "/pipelines/bad/grid?before=x", 422, "before")


def test_a_graph_is_of_a_version_or_of_a_run():
    with place() as p:
        p.pipeline("bad", BAD)
        p.pipeline("none", """
            params: {shards: {type: list, items: int, default: []}}
            tasks:
              each: {run: "true", matrix: {shard: "${{ params.shards }}"}}
              all: {needs: each, run: "true"}
        """)
        p.rota("reload")
        graph = get(p, "/pipelines/bad/graph")
        assert [n["task"] for n in graph["nodes"]] == ["load", "train", "report", "tidy"]
        nodes = {n["task"]: n for n in graph["nodes"]}
        assert nodes["train"]["needs"] == ["load"] and nodes["train"]["instances"] == 2 and nodes["train"]["matrix"]
        assert nodes["tidy"]["finally"] and nodes["load"]["doc"] == "Loads it" and nodes["load"]["usual_ms"] is None
        assert "states" not in nodes["load"]
        done = ran(p, "bad", code=1)
        of_run = {n["task"]: n for n in get(p, f"/runs/{done}/graph")["nodes"]}
        assert of_run["train"]["states"] == {"failed": 2} and of_run["report"]["states"] == {"upstream_failed": 1}
        assert of_run["load"]["ended_at"] and of_run["load"]["usual_ms"] is not None
        old = graph["version"]
        p.pipeline("bad", "tasks: {only: {run: 'true'}}\n")
        p.rota("reload")
        assert [n["task"] for n in get(p, "/pipelines/bad/graph")["nodes"]] == ["only"]
        assert len(get(p, f"/pipelines/bad/graph?version={old[:8]}")["nodes"]) == 4
        assert len(get(p, f"/runs/{done}/graph")["nodes"]) == 4
        empty = {n["task"]: n for n in get(p, f"/runs/{ran(p, 'none')}/graph")["nodes"]}
        assert empty["each"]["states"] == {"skipped": 1} and "matrix was empty" in empty["each"]["reason"], empty
        assert get(p, "/pipelines/none/graph")["nodes"][0]["instances"] is None
        refused(p, "/pipelines/bad/graph?version=zz", 404, "zz")
        refused(p, "/pipelines/gone/graph", 404, "gone")
        refused(p, "/runs/gone/graph", 404, "gone")


if __name__ == "__main__":
    run(globals())
