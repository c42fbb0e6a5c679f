/**
 * How long synchronous work may keep a signal waiting. Node sees signals only between turns of its event loop: whoever works
 * for long asks `due` at every step, and gives way with `beat` where it says so.
 */
export interface Pulse {
  /** Whether a signal has asked for the end. */
  readonly ended: boolean;
  due(): boolean;
  /** Lets pending signals in. Throws `Interrupted` where one asks for the end. */
  beat(): Promise<void>;
}
