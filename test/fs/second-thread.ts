// Second threads that are none: what they do with their first batch is the test's to say.
import { EventEmitter } from 'node:events';
import { onTestFinished, vi } from 'vitest';
import type { Order } from '../../src/fs/copyist.ts';
import { Place, STATE } from '../../src/fs/shared.ts';

const builtin = process.getBuiltinModule.bind(process);

/** Has a class stand for `Worker` until the test is over. */
export function withWorker(worker: unknown): void {
  const fake = (name: string): unknown => (name === 'node:worker_threads' ? { Worker: worker } : builtin(name));
  const spy = vi.spyOn(process, 'getBuiltinModule').mockImplementation(fake as never);
  onTestFinished(() => spy.mockRestore());
}

/** A worker that takes one batch, does its work with it, and is then done with that, or ends. */
export function threadThat(work: (place: Place) => 'is done' | 'ends'): unknown {
  return class extends EventEmitter {
    constructor(_: URL, { workerData }: { readonly workerData: Order }) {
      super();
      const [first] = workerData.memory.places;
      const place = new Place(first as SharedArrayBuffer);
      const look = (): void => {
        if (!place.move(STATE.ready, STATE.taken)) setImmediate(look);
        else if (work(place) === 'ends') this.emit('exit', 1);
        else place.move(STATE.taken, STATE.done);
      };
      setImmediate(look);
    }
    unref(): void {}
    async terminate(): Promise<number> {
      return 1;
    }
  };
}
