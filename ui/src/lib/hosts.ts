// How a host stands, in one word, and what is said of it beside.
import { bytesText } from "./format";
import type { Host, HostOrder } from "./types";

interface Standing {
  order: Pick<HostOrder, "state">;
  contact: Pick<Host["contact"], "state">;
}

// What a person ordered is said before how the connection is: a host that is down stays so, whether it answers or not.
export function hostState(host: Standing): string {
  if (host.order.state === "down") return "down";
  if (host.contact.state !== "up") return host.contact.state;
  return host.order.state === "drain" ? "drained" : "up";
}

export function orderText(order: HostOrder): string | null {
  if (order.state === "up") return null;
  const what = order.state === "down" ? "declared down" : "drained";
  return `${what}${order.by ? ` by ${order.by}` : ""}${order.reason ? `: ${order.reason}` : ""}`;
}

// The most urgent first, then as they stand in the configuration.
const RANK: Record<string, number> = { refused: 0, unreachable: 1, down: 2, connecting: 3, drained: 4, up: 5 };

export function hostsSorted(hosts: readonly Host[]): Host[] {
  return [...hosts].sort((a, b) => (RANK[hostState(a)] ?? 6) - (RANK[hostState(b)] ?? 6));
}

export function slotsUsed(host: Pick<Host, "slots">): { name: string; used: number; total: number }[] {
  return host.slots.map(({ name, total, units }) => ({ name, used: units.filter((unit) => unit.run !== null).length, total }));
}

export function diskText(disk: Host["disk"]): string {
  if (!disk) return "";
  const part = disk.size_bytes > 0 ? `, ${Math.round((100 * disk.free_bytes) / disk.size_bytes)} %` : "";
  return `${bytesText(disk.free_bytes)}${part}`;
}

// A fact of a machine as people say it.
export function factText(name: string, value: unknown): { name: string; text: string } {
  if (name === "memory_kb") return { name: "memory", text: bytesText(Number(value) * 1024) };
  return { name: name.replaceAll("_", " "), text: Array.isArray(value) ? value.join(", ") : String(value) };
}

// A host on which there is hardly room for a log stops its tasks sooner or later.
export const diskLow = (disk: Host["disk"]): boolean => disk !== null && disk.size_bytes > 0 && disk.free_bytes / disk.size_bytes < 0.05;
