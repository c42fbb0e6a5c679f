/** Writes a backup's archive: members, the index last, packed by gzip block by block. */
import type { Index, Saved } from '../core/archive.ts';
import { INDEX_NAME } from '../core/archive.ts';
import { headerOf, padding, textMember, trailer } from './format.ts';

export interface Sink {
  write(bytes: Uint8Array): void;
}

/** So much is packed at once: each block is a gzip stream of its own, and a file of several is one archive to every reader. */
const BLOCK = 1024 * 1024;
const LEVEL = 1;

export class ArchiveWriter {
  readonly #sink: Sink;
  readonly #zlib = process.getBuiltinModule('node:zlib');
  readonly #hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  #waiting: Uint8Array[] = [];
  #length = 0;
  #size = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** A member without content, or the head of a file, whose bytes follow by `content` and `endContent`. */
  begin(saved: Saved): void {
    this.content(headerOf(saved));
  }

  content(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= BLOCK) this.#pack();
  }

  endContent(size: number): void {
    this.content(padding(size));
  }

  /** @returns size and SHA-256 of the whole file. */
  end(index: Index): { readonly size: number; readonly sha256: string } {
    this.content(textMember(INDEX_NAME, JSON.stringify(index)));
    this.content(trailer());
    this.#pack();
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }

  #pack(): void {
    const packed = this.#zlib.gzipSync(Buffer.concat(this.#waiting), { level: LEVEL });
    this.#waiting = [];
    this.#length = 0;
    this.#hash.update(packed);
    this.#size += packed.length;
    this.#sink.write(packed);
  }
}
