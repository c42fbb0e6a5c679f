// What the second thread does is told by the suites that run with `--threads 2`; here, that nothing is lost where it does not.
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Crew, type Batch } from '../../src/fs/crew.ts';
import type { Name } from '../../src/core/path.ts';
import type { Pulse } from '../../src/core/pulse.ts';
import { file as entry } from '../core/entries.ts';
import { directory, file } from '../support/tree.ts';
import { place, still } from './place.ts';

const builtin = process.getBuiltinModule.bind(process);
/** Turns the event loop, in which the end of a thread is heard. */
const turning: Pulse = { ...still, beat: async () => new Promise((resolve) => void setImmediate(resolve)) };
afterEach(() => vi.restoreAllMocks());

const birth = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, certain: false };
const names = ['a', 'b\xff', 'c'] as Name[];

function ground(): { readonly batch: Batch<string>; readonly stage: string } {
  const root = place({ 'seed/a': file('1'), 'seed/b\xff': file('22'), 'seed/c': file('333'), stage: directory() });
  const open = (name: string): number => fs.openSync(`${root}/${name}`, fs.constants.O_RDONLY);
  const files = names.map((name, at) => {
    const source = fs.lstatSync(Buffer.from(`${root}/seed/${name}`, 'latin1'));
    const own = {
      size: at + 1,
      mode: 0o640,
      uid: source.uid,
      gid: source.gid,
      seconds: Math.floor(source.mtimeMs / 1000),
    };
    const nanoseconds = Math.round((source.mtimeMs % 1000) * 1e6);
    const witness = { device: BigInt(source.dev), inode: BigInt(source.ino), changed: 0n, links: 1 };
    return { job: name, from: name, to: name, entry: entry({ ...own, nanoseconds, witness }), hashing: true };
  });
  return { batch: { seed: open('seed'), stage: open('stage'), proving: true, files }, stage: `${root}/stage` };
}

function started(): Crew<string> {
  const crew = Crew.start<string>(birth, true);
  if (crew === undefined) throw new Error('there is no second thread');
  return crew;
}

/** Whether each file of a batch was told to be there, or to be done again. */
async function run(crew: Crew<string>, batch: Batch<string>): Promise<Record<string, boolean>> {
  const told: Record<string, boolean> = {};
  crew.take(batch);
  await crew.finish(turning, (job, from) => (told[job] = from !== undefined));
  await crew.end();
  return told;
}

function withWorker(worker: unknown): void {
  const fake = (name: string): unknown => (name === 'node:worker_threads' ? { Worker: worker } : builtin(name));
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(fake as never);
}

describe('a second thread', () => {
  it('copies a batch, whatever the bytes of its names, and says what it has written', async () => {
    const { batch, stage } = ground();
    expect(await run(started(), batch)).toEqual({ a: true, 'b\xff': true, c: true });
    expect(fs.readdirSync(stage, 'latin1').toSorted()).toEqual(names);
    expect(fs.readFileSync(`${stage}/c`, 'utf8')).toBe('333');
    expect(fs.statSync(`${stage}/c`).mode & 0o777).toBe(0o640);
  });

  it('leaves to the first what it cannot do, and nothing behind of it', async () => {
    const { batch, stage } = ground();
    fs.writeFileSync(`${stage}/a`, 'of somebody else');
    const bad = [{}, { gid: 2 ** 40 }, { size: 99 }];
    const files = batch.files.map((each, at) => ({ ...each, entry: { ...each.entry, ...bad[at] } }));
    const told = await run(started(), { ...batch, files });
    expect(told).toEqual({ a: false, 'b\xff': false, c: false });
    expect(fs.readFileSync(`${stage}/a`, 'utf8')).toBe('of somebody else');
    expect(fs.readdirSync(stage)).toEqual(['a']);
  });

  it.each<[string, (worker: EventEmitter) => void]>([
    ['cannot be started', (worker) => worker.emit('error', new Error('no memory'))],
    ['ends', (worker) => worker.emit('exit', 1)],
  ])('that %s leaves everything to the first', async (_, happens) => {
    class Dying extends EventEmitter {
      constructor() {
        super();
        setImmediate(() => happens(this));
      }
      unref(): void {}
      async terminate(): Promise<number> {
        return 1;
      }
    }
    withWorker(Dying);
    const crew = started();
    expect(await run(crew, ground().batch)).toEqual({ a: false, 'b\xff': false, c: false });
    expect([crew.isGone, crew.isFree]).toEqual([true, false]);
  });

  it('is none where there is no room for one', () => {
    withWorker(function Full() {
      throw Object.assign(new Error('no room'), { code: 'ERR_WORKER_INIT_FAILED' });
    });
    expect(Crew.start(birth, true)).toBeUndefined();
  });

  it('holds no descriptor once it was ended, at work or not', async () => {
    const { batch } = ground();
    const crew = started();
    crew.take(batch);
    await crew.end();
    for (const descriptor of [batch.seed, batch.stage]) expect(() => fs.fstatSync(descriptor)).toThrow('EBADF');
  });
});
