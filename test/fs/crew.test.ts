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
import { threadThat, withWorker } from './second-thread.ts';

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

type Fate = 'done' | 'not there' | 'perhaps there';

/** What was told of each file of a batch: that it is there, or to be done again. */
async function run(crew: Crew<string>, batch: Batch<string>): Promise<Record<string, Fate>> {
  const told: Record<string, Fate> = {};
  crew.take(batch);
  await crew.finish(turning, (job, from, _, isBegun) => {
    told[job] = from !== undefined ? 'done' : isBegun ? 'perhaps there' : 'not there';
  });
  await crew.end();
  return told;
}

describe('a second thread', () => {
  it('copies a batch, whatever the bytes of its names, and says what it has written', async () => {
    const { batch, stage } = ground();
    expect(await run(started(), batch)).toEqual({ a: 'done', 'b\xff': 'done', c: 'done' });
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
    expect(told).toEqual({ a: 'not there', 'b\xff': 'not there', c: 'not there' });
    expect(fs.readFileSync(`${stage}/a`, 'utf8')).toBe('of somebody else');
    expect(fs.readdirSync(stage)).toEqual(['a']);
  });

  it('says of what it was refused to make that it may be there all the same', async () => {
    const { batch, stage } = ground();
    fs.rmdirSync(stage);
    expect(await run(started(), batch)).toEqual({ a: 'perhaps there', 'b\xff': 'perhaps there', c: 'perhaps there' });
  });

  it('that ends at work may have left what it had begun, or done', async () => {
    const thread = threadThat((at) => {
      at.finish(0, undefined, undefined);
      at.begun(1);
      return 'ends';
    });
    withWorker(thread);
    const begun = await run(started(), ground().batch);
    expect(begun).toEqual({ a: 'perhaps there', 'b\xff': 'perhaps there', c: 'not there' });
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
    expect(await run(crew, ground().batch)).toEqual({ a: 'not there', 'b\xff': 'not there', c: 'not there' });
    expect(crew.isFree).toBe(false);
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
