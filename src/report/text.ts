/** Lines as a person greps them: what happens on stdout, warnings and errors on stderr. */
import { isShown, type Fields, type Level, type Log } from '../core/log.ts';
import { Output } from './output.ts';

const PREFIX: Readonly<Record<Level, string>> = { debug: '', info: '', warn: 'volseed: warning: ', error: 'volseed: ' };

export class TextLog implements Log {
  readonly #least: Level;
  readonly #out = new Output(1);
  readonly #err = new Output(2);

  constructor(least: Level) {
    this.#least = least;
  }

  write(level: Level, message: string, fields?: Fields): void {
    this.item(level, message, fields);
    this.flush();
  }

  item(level: Level, message: string, _fields?: Fields): void {
    if (!isShown(level, this.#least)) return;
    const grave = level === 'warn' || level === 'error';
    // In order on a terminal, where both are one.
    if (grave) this.#out.flush();
    (grave ? this.#err : this.#out).put(PREFIX[level] + message);
    if (grave) this.#err.flush();
  }

  answer(message: string, _fields?: Fields): void {
    this.#out.put(message);
  }

  document(value: unknown): void {
    this.#out.put(JSON.stringify(value));
    this.#out.flush();
  }

  flush(): void {
    this.#out.flush();
    this.#err.flush();
  }
}
