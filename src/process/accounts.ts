/** Users and groups by name or number, from /etc/passwd and /etc/group as gosu reads them: the same under every runtime. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../core/errors.ts';
import { displayText } from '../core/path.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them. */
  readonly groups: readonly number[];
  readonly home: string | undefined;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const LARGEST_ID = 0xffff_fffe;

/**
 * `USER`, `USER:GROUP`, names or numbers, as a process is to run. With a group named, it is the only one; without, the user's
 * own and all that list it. A number that no account has runs with group 0, as under Docker's own --user.
 */
export function account(text: string, option: string): Account {
  const [user, group] = split(text);
  const found = findUser(user);
  const uid = found?.uid ?? idOf(user);
  if (uid === undefined) throw unknown('user', user, option);
  const home = found?.home;
  if (group !== undefined && group !== '') {
    const gid = findGroup(group)?.gid ?? idOf(group);
    if (gid === undefined) throw unknown('group', group, option);
    return { uid, gid, groups: [gid], home };
  }
  const gid = found?.gid ?? 0;
  const others = found === undefined ? [] : groups().filter(({ members }) => members.includes(found.name));
  return { uid, gid, groups: [...new Set([gid, ...others.map((other) => other.gid)])], home };
}

/** `USER`, `USER:`, `USER:GROUP`, `:GROUP` as files are to be owned; what is not named stays as in the seed. */
export function owner(
  text: string,
  option: string,
): { readonly uid: number | undefined; readonly gid: number | undefined } {
  const [user, group = ''] = split(text);
  if (user === '' && group === '')
    throw new UsageError(`${option}: names neither a user nor a group; write USER, USER:GROUP or :GROUP`);
  const uid = user === '' ? undefined : (findUser(user)?.uid ?? idOf(user));
  if (user !== '' && uid === undefined) throw unknown('user', user, option);
  const gid = group === '' ? undefined : (findGroup(group)?.gid ?? idOf(group));
  if (group !== '' && gid === undefined) throw unknown('group', group, option);
  return { uid, gid };
}

function split(text: string): [string, string?] {
  const at = text.indexOf(':');
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function findUser(text: string): User | undefined {
  const users = lines('/etc/passwd').map(([name = '', , uid, gid, , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
  return users.find(({ name }) => name === text) ?? users.find(({ uid }) => uid === idOf(text));
}

function findGroup(text: string): Group | undefined {
  return groups().find(({ name }) => name === text);
}

function groups(): Group[] {
  return lines('/etc/group').map(([name = '', , gid, members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(','),
  }));
}

function idOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= LARGEST_ID ? Number(text) : undefined;
}

function lines(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes(':'))
      .map((line) => line.split(':'));
  } catch {
    // An image without accounts (scratch): numbers still work.
    return [];
  }
}

function unknown(kind: 'user' | 'group', text: string, option: string): UsageError {
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  return new UsageError(
    `${option}: no ${kind} '${displayText(text)}' in ${file}; name one that is there, or give a number`,
  );
}
