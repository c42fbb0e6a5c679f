/**
 * What Kubernetes shows of a container that has ended (its termination message): the file that the kubelet mounts into every
 * container gets the totals of the run, or what went wrong. Only where volseed ends itself: a service that it has become ends
 * for reasons of its own, and totals of the seeding in that place would keep the service's log from being shown there.
 */
import fs from 'node:fs';
import { codeOf, explain } from '../core/errors.ts';
import type { Fields, Level, Log } from '../core/log.ts';
import { displayText } from '../core/path.ts';

/** Kubernetes' default of `terminationMessagePath`. */
const KUBERNETES_FILE = '/dev/termination-log';

/** Bytes; the kubelet cuts what is longer, and what it cuts off is the end. */
const MOST = 4096;
/** Bytes that single errors may take of it: what they come to must find room behind them. */
const FOR_ERRORS = 3072;

const { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = fs.constants;

/** Where `run` and `sync` look unasked; nothing where there is no such file, or where /dev/null was asked for. */
export function placeOf(command: string, named: Place | undefined): Place | undefined {
  if (named !== undefined) return named.path === '/dev/null' ? undefined : named;
  // Not the others: a person calls them in a container that goes on, and whose message is its own.
  const isSeeding = command === 'run' || command === 'sync';
  return isSeeding && fs.existsSync(KUBERNETES_FILE) ? { path: KUBERNETES_FILE, by: undefined } : undefined;
}

export interface Place {
  readonly path: string;
  /** The flag or variable that names it; undefined for the default. */
  readonly by: string | undefined;
}

export class LastWords {
  #errors: string[] = [];
  #left = FOR_ERRORS;
  #more = 0;
  /** How it ended: behind the errors, and never left out. */
  #end: string[] = [];
  readonly #place: Place | undefined;

  /** @param place undefined where nobody asks. */
  constructor(place: Place | undefined) {
    this.#place = place;
  }

  /** A log that also remembers what is to be left behind. */
  over(log: Log): Log {
    if (this.#place === undefined) return log;
    return {
      write: (level, message, fields) => {
        this.#hear(level, message, fields);
        log.write(level, message, fields);
      },
      item: (level, message, fields) => log.item(level, message, fields),
      answer: (message, fields) => log.answer(message, fields),
      document: (value) => log.document(value),
      flush: () => log.flush(),
    };
  }

  /** What comes now has nothing to do with the seeding any more. */
  forget(): void {
    [this.#errors, this.#end, this.#left, this.#more] = [[], [], FOR_ERRORS, 0];
  }

  /** Leaves what there is to say, if anything. Never throws: how a run ends does not hang on what is said of it. */
  leave(log: Log): void {
    const text = this.#text();
    if (this.#place === undefined || text === '') return;
    const { path, by } = this.#place;
    try {
      write(path, text);
    } catch (error) {
      const why = codeOf(error) === undefined ? (error as Error).message : explain(error);
      const level = by === undefined ? 'debug' : 'warn';
      log.write(level, `${by ?? 'the termination message'}: ${displayText(path)} could not be written: ${why}`);
    }
  }

  #hear(level: Level, message: string, fields: Fields = {}): void {
    const { event, kind } = fields;
    if (event === 'totals' || event === 'backup' || (event === 'end' && level === 'error')) this.#end.push(message);
    else if (level === 'error' || (event === 'problem' && kind === 'vanished')) this.#note(`volseed: ${message}`);
  }

  #note(line: string): void {
    this.#left -= Buffer.byteLength(line) + 1;
    // The first is always there, however long: it is the likeliest to be the cause.
    if (this.#left > 0 || this.#errors.length === 0) this.#errors.push(line);
    else this.#more++;
  }

  #text(): string {
    const more = this.#more === 0 ? [] : [`… and ${this.#more} more, see the log`];
    const end = [...more, ...this.#end].map((line) => `${line}\n`).join('');
    return (
      cut(this.#errors.join('\n'), MOST - 1 - Buffer.byteLength(end)) + (this.#errors.length > 0 ? '\n' : '') + end
    );
  }
}

/** Without breaking a character. */
function cut(text: string, bytes: number): string {
  const all = Buffer.from(text);
  if (all.length <= bytes) return text;
  const mark = '…';
  return new TextDecoder().decode(all.subarray(0, bytes - Buffer.byteLength(mark)), { stream: true }) + mark;
}

/**
 * Into a file that is there: the kubelet has made it, and one that volseed made would be read by nobody. Never through a link,
 * and never waiting for somebody to read.
 */
function write(path: string, text: string): void {
  const descriptor = fs.openSync(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!fs.fstatSync(descriptor).isFile()) throw new Error('not a regular file');
    fs.ftruncateSync(descriptor);
    fs.writeSync(descriptor, text);
  } finally {
    fs.closeSync(descriptor);
  }
}
