/** One JSON object a line, by pino, which is loaded only for this. */
import type { Fields, Level, Log } from '../core/log.ts';

export async function jsonLog(least: Level): Promise<Log> {
  const { destination, pino } = await import('pino');
  const stream = destination({ dest: 1, sync: true });
  const logger = pino(
    {
      level: least,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    stream,
  );
  const write = (level: Level, message: string, fields: Fields = {}): void => logger[level](fields, message);
  return { write, item: write, flush: () => stream.flushSync() };
}
