/**
 * The second thread: copies the batches that crew.ts hands over, as long as all goes well. What does not is left to the first thread,
 * which does it again with all its patience and tells of it; of such a file this one leaves nothing behind, or says that it may have.
 *
 * The working directory is the first thread's. So names are reached through the descriptors of their directories, which belong to
 * the process.
 */
import type { Proof } from '../core/base.ts';
import type { File } from '../core/entry.ts';
import { codeOf } from '../core/errors.ts';
import type { Name } from '../core/path.ts';
import { checkUnchanged, fillSmall, modeAtBirth, SMALL, type Birth } from './copy.ts';
import { close, createFile, descriptorPath, openForReading, readInto, removeFile } from './disk.ts';
import { rawHashOf } from './hash.ts';
import { doNotWait } from './patience.ts';
import { Place, STATE, type Memory } from './shared.ts';

export interface Order {
  readonly memory: Memory;
  readonly birth: Birth;
}

const { memory, birth } = process.getBuiltinModule('node:worker_threads').workerData as Order;
const bell = new Int32Array(memory.bell);
const places = memory.places.map((buffer) => new Place(buffer));
const buffer = new Uint8Array(SMALL);

doNotWait();
for (;;) {
  const rung = Atomics.load(bell, 0);
  let found = false;
  for (const place of places) {
    if (!place.move(STATE.ready, STATE.taken)) continue;
    found = true;
    copyAll(place);
    place.move(STATE.taken, STATE.done);
  }
  if (!found) Atomics.wait(bell, 0, rung);
}

function copyAll(place: Place): void {
  const [seed, stage] = [descriptorPath(place.seed), descriptorPath(place.stage)];
  for (let at = 0; at < place.count; at++) {
    const { from, to, entry, hashing } = place.file(at);
    try {
      read(`${seed}/${from}` as Name, entry);
      const proof = make(place, at, `${stage}/${to}` as Name, entry);
      place.finish(at, proof, hashing ? rawHashOf(buffer.subarray(0, entry.size)) : undefined);
    } catch {
      // It is not finished, and that is all that there is to tell.
    }
  }
}

function read(path: Name, entry: File): void {
  const descriptor = openForReading(path);
  try {
    checkUnchanged(descriptor, entry, readInto(descriptor, buffer, 0, entry.size));
  } finally {
    close(descriptor);
  }
}

function make(place: Place, at: number, path: Name, entry: File): Proof | undefined {
  place.begun(at);
  const descriptor = create(place, at, path, entry);
  try {
    return fillSmall(descriptor, entry, birth, { buffer, offset: 0, proving: place.proving });
  } catch (error) {
    removeFile(path);
    place.notThere(at);
    throw error;
  } finally {
    close(descriptor);
  }
}

function create(place: Place, at: number, path: Name, entry: File): number {
  try {
    return createFile(path, modeAtBirth(entry));
  } catch (error) {
    // What has the name is another path of the seed. After any other answer the file may be there.
    if (codeOf(error) === 'EEXIST') place.notThere(at);
    throw error;
  }
}
