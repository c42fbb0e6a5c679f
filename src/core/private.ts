/** A directory that is nobody else's (0700, checked), as the state needs it; `fs/private.ts` opens it. */
export interface PrivateDirectory {
  /** A path to it that no one can divert, for what takes paths (SQLite). */
  readonly path: string;
  /** What a person calls it. */
  readonly shownAs: string;
  /** The content of a file; undefined where there is none, or it is not a regular file. */
  read(name: string): Uint8Array | undefined;
  /** Writes a file whole under a new name and renames it into place; `durable` before that puts it on the disk. */
  replace(name: string, content: Uint8Array, durable: boolean): void;
  /** Creates a file that must not exist yet. */
  create(name: string, content: Uint8Array): void;
  /** Makes a file of another name this one, after its content is on the disk where `durable`. */
  rename(from: string, to: string, durable: boolean): void;
  /** No error where there is none. */
  remove(name: string): void;
  exists(name: string): boolean;
  /** Whether it is a regular file, which opening cannot hang on. */
  holdsFile(name: string): boolean;
  /** Creates a file that must not exist yet, to be written piece by piece. */
  sink(name: string): Sink;
  /** The bytes of a file in pieces. */
  pieces(name: string): Iterable<Uint8Array>;
  names(): string[];
  /** So many random bytes, in hex: for names that nobody can guess. */
  token(bytes: number): string;
  /** Whether it is a regular file with nothing in it. */
  holdsEmptyFile(name: string): boolean;
  /** Gives a file a second name, which nobody else can know; false where the file system has no such thing. */
  link(name: string, other: string): boolean;
  /** Whether this process has this very file open: the proof that whatever opened it by a path was not led astray. */
  holdsOpen(name: string): boolean;
}

export interface Sink {
  write(bytes: Uint8Array): void;
  close(): void;
}
