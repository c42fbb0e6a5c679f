/** One JSON object a line, by pino, which is loaded only for this. */
import type { Fields, Level, Log } from '../core/log.ts';

export async function jsonLog(least: Level): Promise<Log> {
  const { destination, pino } = await import('pino');
  const stream = destination({ dest: 1, sync: true });
  const options = {
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const logger = pino({ ...options, level: least }, stream);
  const answers = pino({ ...options, level: 'info' }, stream);
  const write = (level: Level, message: string, fields: Fields = {}): void => logger[level](fields, message);
  return {
    write,
    item: write,
    answer: (message, fields = {}) => answers.info(fields, message),
    document: (value) => void stream.write(`${JSON.stringify(value)}\n`),
    flush: () => stream.flushSync(),
  };
}
