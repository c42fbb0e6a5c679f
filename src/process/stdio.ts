/**
 * Imported first of all. The runtime's own stdout and stderr are streams, and a pipe or socket becomes non-blocking as soon as one
 * of them is opened, for the service too. Even looking opens them, and much of the runtime looks: node:util, when it is loaded,
 * asks stderr for its colours (Node 26). So they are replaced by what has no colours and opens nothing.
 */
import fs from 'node:fs';

for (const [name, descriptor] of [
  ['stdout', 1],
  ['stderr', 2],
] as const) {
  const write = (text: string | Uint8Array): boolean => {
    fs.writeSync(descriptor, typeof text === 'string' ? Buffer.from(text) : text);
    return true;
  };
  const inert = { fd: descriptor, isTTY: false, writable: true, write, on: () => inert, once: () => inert };
  // Node has a getter here, which an assignment leaves alone; Bun opens the stream when the property is defined anew, not when
  // it is assigned.
  if (!Reflect.set(process, name, inert)) Object.defineProperty(process, name, { configurable: true, value: inert });
}
