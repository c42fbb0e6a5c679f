/** Large files on their way to the stage, several at once: they go by pieces, which are the event loop's, so that a signal finds its turn. */
import type { Pulse } from '../core/pulse.ts';

/** While one is written another is read: more of them are not faster on two processors. */
const AT_ONCE = 2;

export class UnderWay {
  /** None of these rejects. */
  readonly #all = new Set<Promise<void>>();
  /** What ends them all, found out by one of them. */
  #end: { readonly error: unknown } | undefined;
  /** To be asked between two pieces: it ends with what another file has met, too. */
  readonly pulse: Pulse;

  constructor(pulse: Pulse) {
    this.pulse = new Ending(pulse, () => this.#end?.error);
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Returns once it has begun, which may take until there is room. */
  async begin(copy: () => Promise<void>): Promise<void> {
    while (this.#all.size >= AT_ONCE) await Promise.race(this.#all);
    this.throwIfEnded();
    const copying: Promise<void> = copy()
      .catch((error: unknown) => {
        this.#end ??= { error };
      })
      .finally(() => this.#all.delete(copying));
    this.#all.add(copying);
  }

  /** Throws what one of them has met. */
  throwIfEnded(): void {
    if (this.#end !== undefined) throw this.#end.error;
  }

  /** Returns once all are done. Throws what one of them has met. */
  async finish(): Promise<void> {
    await Promise.all(this.#all);
    this.throwIfEnded();
  }

  /** Ends them, and returns once they have. */
  async abandon(): Promise<void> {
    this.#end ??= { error: new Error('abandoned') };
    await Promise.all(this.#all);
  }
}

class Ending implements Pulse {
  readonly #pulse: Pulse;
  readonly #reason: () => unknown;

  constructor(pulse: Pulse, reason: () => unknown) {
    this.#pulse = pulse;
    this.#reason = reason;
  }

  get ended(): boolean {
    return this.#pulse.ended;
  }

  due(): boolean {
    return this.#reason() !== undefined || this.#pulse.due();
  }

  async beat(): Promise<void> {
    const reason = this.#reason();
    if (reason !== undefined) throw reason;
    await this.#pulse.beat();
  }
}
