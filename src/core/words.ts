/** Figures, and names of places, in words. */
import { display, displayText, type RelPath } from './path.ts';

export interface Origin {
  readonly source: string;
  /** The directory of the target that it goes into. */
  readonly into: RelPath;
}

/** Every seed of a run, with where it goes unless that is the target itself. */
export function originsOf(origins: readonly Origin[], quote = ''): string {
  const named = origins.map(({ source, into }) => {
    const where = into === '' ? '' : ` (into ${quote}${display(into)}${quote})`;
    return `${quote}${displayText(source)}${quote}${where}`;
  });
  return [...named.slice(0, -2), named.slice(-2).join(' and ')].join(', ');
}

export function sizeOf(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // What would be rounded up to 1000.0 is one of the next unit.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  if (unit === 0) return count(value, 'byte');
  return `${value.toFixed(1)} ${units[unit]}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Of two paths of the seed that differ in case only, or in what Unicode takes for one. The rest of a sentence. */
export const ONE_NAME = "cannot be made: the volume's file system takes its name for that of another path of the seed";
