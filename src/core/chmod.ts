/**
 * `--chmod` as rsync has it: comma-separated octal (`D2775,F664`) or symbolic (`Dg+s,ug+w,Fo-w,+X`) items, D for directories
 * only, F for all else only; without u, g, o or a the umask applies.
 */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

interface Item {
  readonly only: string;
  readonly keep: number;
  readonly add: number;
  readonly onlyIfExecutable: boolean;
}

const OCTAL = /^([DF]?)([0-7]{1,4})$/;
const SYMBOLIC = /^([DFugoa]*)([-+=])([rwxXst]*)$/;
const WHO: Readonly<Record<string, number>> = { u: 0o100, g: 0o010, o: 0o001, a: 0o111 };
/** What `s` stands for, next to whom. */
const SPECIAL: Readonly<Record<string, number>> = { u: 0o4000, g: 0o2000, a: 0o6000 };
const WHAT: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1, X: 1 };

/** @returns undefined where the text is not a mode change. */
export function parseChmod(text: string, umask: number): ModeChange | undefined {
  const items = text.split(',').map((item) => parseItem(item, umask));
  if (items.some((item) => item === undefined)) return undefined;
  return (mode, isDirectory) => {
    const executable = (mode & 0o111) !== 0;
    for (const item of items as Item[]) {
      if (item.only === (isDirectory ? 'F' : 'D')) continue;
      mode &= item.keep;
      mode |= item.onlyIfExecutable && !executable && !isDirectory ? item.add & ~0o111 : item.add;
    }
    return mode;
  };
}

function parseItem(text: string, umask: number): Item | undefined {
  const octal = OCTAL.exec(text);
  if (octal) return { only: octal[1] ?? '', keep: 0, add: Number.parseInt(octal[2] ?? '', 8), onlyIfExecutable: false };
  const symbolic = SYMBOLIC.exec(text);
  if (!symbolic) return undefined;
  const [, subject = '', operator = '', permissions = ''] = symbolic;
  const kinds = new Set(subject.match(/[DF]/g));
  if (kinds.size > 1) return undefined;

  let who = 0;
  let special = 0;
  for (const letter of subject) {
    who |= WHO[letter] ?? 0;
    special |= SPECIAL[letter] ?? 0;
  }
  let what = 0;
  let top = 0;
  for (const letter of permissions) {
    what |= WHAT[letter] ?? 0;
    // Without u, g or a, rsync's `s` takes a `t` before it back.
    if (letter === 's') top = special === 0 ? 0o4000 : top | special;
    if (letter === 't') top |= 0o1000;
  }
  const everyone = who === 0;
  if (everyone) who = 0o111;
  const bits = (who * what) & (everyone ? ~umask : ~0);
  const base = { only: [...kinds][0] ?? '', onlyIfExecutable: permissions.includes('X') };
  if (operator === '+') return { ...base, keep: 0o7777, add: bits | top };
  if (operator === '-') return { ...base, keep: 0o7777 & ~(bits | top), add: 0 };
  return { ...base, keep: 0o7777 & ~(who * 7) & ~(top === 0 ? 0 : special), add: bits | top };
}
