/** What a run says while it works. Lines are whole: every name in them has been through `display`. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  /** @param fields for machines (`--log-format json`); the message alone must say it all. */
  write(level: Level, message: string, fields?: Fields): void;
  /** One of perhaps very many lines: written a little later, in one piece with its neighbours. */
  item(level: Level, message: string, fields?: Fields): void;
  /** What a question was asked for (plan, status, explain and the like): on stdout, whatever the level. */
  answer(message: string, fields?: Fields): void;
  /** One JSON document, as `--json` asks for it: on stdout, whatever level and format. */
  document(value: unknown): void;
  /** Everything said so far has reached the descriptor when this returns. */
  flush(): void;
}

/** For whoever only has to warn. */
export function warnTo(log: Log): (message: string) => void {
  return (message) => log.write('warn', message);
}

export function isShown(level: Level, least: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}
