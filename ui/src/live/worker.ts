// The shared worker: one event stream for all tabs of the browser, for a stream each would stall at the seventh tab over
// HTTP/1.1. A tab that comes later is told at once how things stand.
import { type Source, type StreamMessage, sourceOpen } from "./source";

const ports = new Set<MessagePort>();
const latest = new Map<StreamMessage["kind"], StreamMessage>();
let source: Source | null = null;

function tell(message: StreamMessage): void {
  if (message.kind === "lost") latest.set("lost", message);
  else latest.delete("lost");
  if (message.kind === "hello" || message.kind === "health" || message.kind === "beat") latest.set(message.kind, message);
  for (const port of ports) port.postMessage(message);
}

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0]!;
  ports.add(port);
  port.onmessage = (said: MessageEvent<StreamMessage>) => {
    if (said.data.kind !== "bye") return;
    ports.delete(port);
    if (ports.size > 0) return;
    source?.close();
    source = null;
    latest.clear();
  };
  port.start();
  for (const message of latest.values()) port.postMessage(message);
  source ??= sourceOpen(tell);
});
