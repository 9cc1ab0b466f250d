import assert from "node:assert/strict";
import { test } from "node:test";
import { diskLow, diskText, factText, hostState, hostsSorted, orderText, slotsUsed } from "../src/lib/hosts";
import type { Host } from "../src/lib/types";

const host = (name: string, order: Host["order"]["state"], contact: Host["contact"]["state"]): Host => ({
  name,
  address: `ml@${name}:22`,
  transport: "libssh2",
  order: { state: order, reason: null, by: null, at: null },
  contact: { state: contact, since: null, text: null },
  slots: [],
  max_tasks: null,
  running: 0,
  disk: null,
  boot: null,
  groups: [],
});

test("what a person ordered is said before how the connection is", () => {
  assert.equal(hostState(host("a", "up", "up")), "up");
  assert.equal(hostState(host("a", "drain", "up")), "drained");
  assert.equal(hostState(host("a", "drain", "unreachable")), "unreachable");
  assert.equal(hostState(host("a", "down", "up")), "down");
});

test("an order names who gave it and why", () => {
  assert.equal(orderText({ state: "up", reason: null, by: null, at: null }), null);
  assert.equal(orderText({ state: "drain", reason: "new driver", by: "anna", at: null }), "drained by anna: new driver");
  assert.equal(orderText({ state: "down", reason: null, by: null, at: null }), "declared down");
});

test("facts are said as people say them", () => {
  assert.deepEqual(factText("memory_kb", "24684084"), { name: "memory", text: "24 GiB" });
  assert.deepEqual(factText("login_shell", "/bin/bash"), { name: "login shell", text: "/bin/bash" });
  assert.deepEqual(factText("gpus", ["A100", "A100"]), { name: "gpus", text: "A100, A100" });
});

test("hosts that someone must look at come first, the others stay in order", () => {
  const hosts = [host("a", "up", "up"), host("b", "up", "unreachable"), host("c", "up", "up"), host("d", "up", "refused")];
  assert.deepEqual(hostsSorted(hosts).map((one) => one.name), ["d", "b", "a", "c"]);
});

test("a slot's use is the units that a run holds", () => {
  const units = [
    { name: "0", run: "nightly#4", run_id: "x", task: "train" },
    { name: "1", run: null, run_id: null, task: null },
  ];
  assert.deepEqual(slotsUsed({ slots: [{ name: "gpu", total: 2, units }] }), [{ name: "gpu", used: 1, total: 2 }]);
});

test("a disk says what is free of how much, and warns below a twentieth", () => {
  const disk = { free_bytes: 4 * 1024 ** 3, size_bytes: 100 * 1024 ** 3, at: "2026-11-28T06:00:00Z" };
  assert.equal(diskText(disk), "4.0 GiB, 4 %");
  assert.equal(diskLow(disk), true);
  assert.equal(diskLow({ ...disk, free_bytes: disk.size_bytes / 2 }), false);
  assert.equal(diskText(null), "");
});
