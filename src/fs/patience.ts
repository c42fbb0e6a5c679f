/**
 * Patience with a file system that is in trouble for a moment (NFS: a server that restarts, a handle gone stale): what it answered
 * is asked again after growing pauses, up to a bound. What has no such answer costs nothing more than a call.
 *
 * Calls that say how things are, and those that make them so however often they are said (mode, owner, times, bytes at a place), are
 * repeated. What makes a name (mkdir, symlink, link, open with O_EXCL) is repeated, too: it never replaces, and where the first try
 * came through though its answer did not, the second finds the name taken; then the first answer stands, as a problem of that path.
 * Not repeated here: rename and unlink, which may hit what somebody put there meanwhile (publish.ts looks anew, and begins again),
 * and fsync: the kernel tells of bytes that it could not write once, and then takes them for written.
 */
import { codeOf } from '../core/errors.ts';

const TRANSIENT = new Set(['ESTALE', 'EBUSY', 'ETIMEDOUT', 'EAGAIN', 'EINTR']);
/** Milliseconds, each twice as long as the one before. */
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 320;
/** Milliseconds of pauses between two turns of the event loop: a signal is seen only there, and is to end a run within a second. */
const IN_ONE_TURN = 700;
/** Milliseconds of pauses in all: a server that is gone must not hold up a start for each of a hundred thousand paths. */
const IN_ALL = 30_000;

/** Told what was answered, and to what call. */
type Listener = (code: string, call: string | undefined) => void;

let pausedThisTurn = 0;
let pausedInAll = 0;
let listener: Listener | undefined;
/** What came before anybody listened. */
const early: Parameters<Listener>[] = [];
/** Errors that patience did not help against: whoever sees them next need not try as long again. */
const hopeless = new WeakSet<object>();

/** In this thread nothing is repeated from now on: what fails is for the one that tells of it. */
export function doNotWait(): void {
  pausedInAll = IN_ALL;
}

/** Tells of each repetition, those before it included. */
export function onTrouble(tell: Listener): void {
  listener = tell;
  for (const trouble of early.splice(0)) tell(...trouble);
}

export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(codeOf(error) ?? '');
}

/** Does something that may be done again from its beginning. Throws its last error. */
export function patiently<T>(action: (repeated: boolean) => T): T {
  try {
    return action(false);
  } catch (error) {
    return again(error, action, true);
  }
}

/** Removes what nobody else has the name of: where a repetition finds it gone, it is removed. */
export function removingOwn(remove: () => void): void {
  patiently((repeated) => {
    try {
      remove();
    } catch (error) {
      if (!repeated || codeOf(error) !== 'ENOENT') throw error;
    }
  });
}

/** A call that may be repeated, with patience. Where it is made for every path, `again` in a catch is faster still. */
export function patient<A extends unknown[], T>(call: (...args: A) => T): (...args: A) => T {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      return again(error, call, ...args);
    }
  };
}

/**
 * Repeats a call that makes a name, and says EEXIST where there is one: that may be our own, of a try that came through though
 * its answer did not, or somebody else's. Then the first error is thrown.
 */
export function makingName<A extends unknown[], T>(call: (...args: A) => T, first: unknown, ...args: A): T {
  try {
    return again(first, call, ...args);
  } catch (error) {
    throw isTransient(first) && codeOf(error) === 'EEXIST' ? given(first) : error;
  }
}

/** Repeats a call that failed, with its arguments, where its error may pass; else throws it. */
export function again<A extends unknown[], T>(first: unknown, call: (...args: A) => T, ...args: A): T {
  let error = first;
  for (let pause = FIRST_PAUSE; isTransient(error) && pause <= LONGEST_PAUSE && mayPause(error, pause); pause *= 2) {
    sleep(pause, error as NodeJS.ErrnoException);
    try {
      return call(...args);
    } catch (next) {
      error = next;
    }
  }
  throw isTransient(error) ? given(error) : error;
}

function given(error: unknown): unknown {
  hopeless.add(error as object);
  return error;
}

function mayPause(error: unknown, pause: number): boolean {
  return !hopeless.has(error as object) && pausedThisTurn + pause <= IN_ONE_TURN && pausedInAll + pause <= IN_ALL;
}

function sleep(pause: number, error: NodeJS.ErrnoException): void {
  const { syscall } = error;
  const code = codeOf(error) ?? '';
  if (listener === undefined) early.push([code, syscall]);
  else listener(code, syscall);
  if (pausedThisTurn === 0) setImmediate(() => (pausedThisTurn = 0)).unref();
  pausedThisTurn += pause;
  pausedInAll += pause;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
}
