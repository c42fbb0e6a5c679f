/** Every way a run ends otherwise than well. Each message is one line: what, where, and the way out. */
export class VolseedError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** Bad flags, environment or configuration. Nothing has been touched. */
export class UsageError extends VolseedError {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.usage, message, options);
  }
}

/** All that is wrong in one file, a line each. */
export class Mistakes extends UsageError {
  readonly others: readonly string[];

  constructor([first = '', ...others]: readonly string[]) {
    super(first);
    this.others = others;
  }
}

/** The volume, or what is needed to work on it, cannot be used at all. */
export class VolumeError extends VolseedError {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.partial, message, options);
  }
}

/** Another seeder held the lock too long. */
export class LockTimeout extends VolseedError {
  constructor(message: string) {
    super(EXIT.locked, message);
  }
}

/** A safety rule refused (DESIGN §6). Nothing has been touched. */
export class Refused extends VolseedError {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.refused, message, options);
  }
}

/** The command that volseed was to become cannot be. */
export class CommandError extends VolseedError {}

/** A signal asked for the end. What is published stays; the next run finishes. */
export class Interrupted extends VolseedError {
  readonly signal: string;

  constructor(signal: string, number: number) {
    super(128 + number, `ended by ${signal}; the next run finishes what is left`);
    this.signal = signal;
  }
}

export const EXIT = {
  done: 0,
  fault: 1,
  usage: 2,
  somethingToDo: 3,
  partial: 23,
  vanished: 24,
  locked: 75,
  refused: 76,
  notExecutable: 126,
  notFound: 127,
} as const;

/** The words for what the kernel said. */
export function explain(error: unknown): string {
  const { message } = error as NodeJS.ErrnoException;
  const code = codeOf(error);
  return (code === undefined ? undefined : WORDS[code]) ?? code ?? message ?? String(error);
}

/** Of an error whose number the runtime has lost. */
export const NO_NAME = 'EUNKNOWN';

/** The kernel's name of an error, also where libuv has none for it (Node then says `Unknown system error -122`). */
export function codeOf(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === 'UNKNOWN') return NO_NAME;
  if (code?.startsWith('Unknown system error') !== true || errno === undefined) return code;
  return UNNAMED[-errno] ?? `ERRNO${-errno}`;
}

/** Linux's numbers (asm-generic/errno.h) of what a file system may say. */
const UNNAMED: Readonly<Record<number, string>> = {
  5: 'EIO',
  61: 'ENODATA',
  74: 'EBADMSG',
  116: 'ESTALE',
  117: 'EUCLEAN',
  121: 'EREMOTEIO',
  122: 'EDQUOT',
  123: 'ENOMEDIUM',
  126: 'ENOKEY',
};

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the file system',
  EDQUOT: 'the quota is used up',
  EIO: 'input/output error',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'the directory is not empty',
  EISDIR: 'is a directory',
  ELOOP: 'is a symbolic link',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long for this file system',
  ENXIO: 'it is no file any more, but a FIFO, socket or device',
  EBUSY: 'it is in use (a mount point, perhaps)',
  ESTALE: 'the file handle has gone stale',
  ETIMEDOUT: 'the server did not answer in time',
  EAGAIN: 'not now',
  EINTR: 'interrupted',
  EUNKNOWN: 'an error that the runtime has no name for (a quota that is used up, perhaps)',
  EUCLEAN: 'the file system is damaged',
  ENOSYS: 'the file system does not know how',
  ENOTSUP: 'the file system does not know how',
  EOPNOTSUPP: 'the file system does not know how',
  EXDEV: 'it is on another file system',
};
