// The whole product of what may stand in the seed and in the volume, with what is to come of it written once, as data.
import { describe, expect, it } from 'vitest';
import { LEAVE, SET_GID, type Entry, type File } from '../../src/core/entry.ts';
import { POLICIES } from '../../src/core/policy.ts';
import { decide, needsContent, type Decision, type Terms } from '../../src/core/reconcile.ts';
import { directory, file, link, other, witness } from './entries.ts';

const newer: Terms = { policy: 'newer', checksum: false, keepsGroup: () => true };
const checksum: Terms = { ...newer, checksum: true };
const missing: Terms = { ...newer, policy: 'missing' };
const always: Terms = { ...newer, policy: 'always' };
const never: Terms = { ...newer, policy: 'never' };

const fix = (what: string): Decision => ({
  verb: 'attributes',
  reason: 'attributes differ',
  fix: { mode: what.includes('m'), owner: what.includes('o'), time: what.includes('t') },
});

const DECISIONS: Readonly<Record<string, Decision>> = {
  create: { verb: 'create', reason: 'missing' },
  newer: { verb: 'replace', reason: 'image newer' },
  size: { verb: 'replace', reason: 'size differs' },
  content: { verb: 'replace', reason: 'content differs' },
  type: { verb: 'replace', reason: 'type differs' },
  target: { verb: 'replace', reason: 'link target differs' },
  linked: { verb: 'replace', reason: 'hard-linked' },
  KEEP: { verb: 'keep', reason: 'newer in the volume' },
  EXISTS: { verb: 'keep', reason: 'exists' },
  EDITED: { verb: 'keep', reason: 'hard-linked and edited' },
  blocked: { verb: 'blocked' },
  same: { verb: 'same' },
  none: { verb: 'none' },
  'fix t': fix('t'),
  'fix m': fix('m'),
  'fix mt': fix('mt'),
  'fix o': fix('o'),
  'fix ot': fix('ot'),
  'fix mo': fix('mo'),
  'fix mot': fix('mot'),
};

/** What a program does: it asks for the contents where it must, and for no others. */
function decided(seed: Entry, volume: Entry | undefined, terms: Terms, sameBytes: boolean): Decision {
  return decide(seed, volume, terms, needsContent(seed, volume, terms) && sameBytes);
}

function table(text: string): string[][] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
}

describe('a file in the seed and a file in the volume', () => {
  // The volume's file: the second it is of; what it holds; its mode; how many names it has.
  const times: Readonly<Record<string, Partial<File>>> = {
    earlier: { seconds: 99, nanoseconds: 999_999_999 },
    same: { seconds: 100, nanoseconds: 500_000_000 },
    fraction: { seconds: 100, nanoseconds: 999_999_999 },
    later: { seconds: 101, nanoseconds: 0 },
  };
  const contents = { equal: 3, edited: 3, size: 4 } as const;
  const modes = { equal: 0o644, other: 0o600 } as const;

  // Under `missing` every one is kept as existing, and under `never` nothing is done: below.
  const rows = table(`
    second   | holds  | mode  | names | newer  | checksum | always
    earlier  | equal  | equal | 1     | newer  | fix t    | fix t
    earlier  | equal  | equal | 2     | newer  | linked   | linked
    earlier  | equal  | other | 1     | newer  | fix mt   | fix mt
    earlier  | equal  | other | 2     | newer  | linked   | linked
    earlier  | edited | equal | 1     | newer  | content  | content
    earlier  | edited | equal | 2     | newer  | content  | content
    earlier  | edited | other | 1     | newer  | content  | content
    earlier  | edited | other | 2     | newer  | content  | content
    earlier  | size   | equal | 1     | newer  | newer    | newer
    earlier  | size   | equal | 2     | newer  | newer    | newer
    earlier  | size   | other | 1     | newer  | newer    | newer
    earlier  | size   | other | 2     | newer  | newer    | newer
    same     | equal  | equal | 1     | same   | same     | same
    same     | equal  | equal | 2     | same   | same     | same
    same     | equal  | other | 1     | fix m  | fix m    | fix m
    same     | equal  | other | 2     | linked | linked   | linked
    same     | edited | equal | 1     | same   | content  | content
    same     | edited | equal | 2     | same   | content  | content
    same     | edited | other | 1     | fix m  | content  | content
    same     | edited | other | 2     | EDITED | content  | content
    same     | size   | equal | 1     | size   | size     | size
    same     | size   | equal | 2     | size   | size     | size
    same     | size   | other | 1     | size   | size     | size
    same     | size   | other | 2     | size   | size     | size
    fraction | equal  | equal | 1     | same   | fix t    | same
    fraction | equal  | equal | 2     | same   | linked   | same
    fraction | equal  | other | 1     | fix m  | fix mt   | fix m
    fraction | equal  | other | 2     | linked | linked   | linked
    fraction | edited | equal | 1     | same   | content  | content
    fraction | edited | equal | 2     | same   | content  | content
    fraction | edited | other | 1     | fix m  | content  | content
    fraction | edited | other | 2     | EDITED | content  | content
    fraction | size   | equal | 1     | size   | size     | size
    fraction | size   | equal | 2     | size   | size     | size
    fraction | size   | other | 1     | size   | size     | size
    fraction | size   | other | 2     | size   | size     | size
    later    | equal  | equal | 1     | KEEP   | KEEP     | fix t
    later    | equal  | equal | 2     | KEEP   | KEEP     | linked
    later    | equal  | other | 1     | KEEP   | KEEP     | fix mt
    later    | equal  | other | 2     | KEEP   | KEEP     | linked
    later    | edited | equal | 1     | KEEP   | KEEP     | content
    later    | edited | equal | 2     | KEEP   | KEEP     | content
    later    | edited | other | 1     | KEEP   | KEEP     | content
    later    | edited | other | 2     | KEEP   | KEEP     | content
    later    | size   | equal | 1     | KEEP   | KEEP     | size
    later    | size   | equal | 2     | KEEP   | KEEP     | size
    later    | size   | other | 1     | KEEP   | KEEP     | size
    later    | size   | other | 2     | KEEP   | KEEP     | size
  `).slice(1);

  const seed = file({ seconds: 100, nanoseconds: 500_000_000 });
  const volumeOf = ([second = '', holds = '', mode = '', names = '']: readonly string[]): File =>
    file({
      ...times[second],
      size: contents[holds as keyof typeof contents],
      mode: modes[mode as keyof typeof modes],
      witness: { ...witness, links: Number(names) },
    });

  it('has every row of the product once', () => {
    const keys = new Set(rows.map((row) => row.slice(0, 4).join(' ')));
    expect(keys.size).toBe(4 * 3 * 2 * 2);
  });

  it.each(rows)('%s second, %s content, %s mode, %s names: newer %s, checksum %s, always %s', (...row) => {
    const expected = row.slice(4).map((cell) => DECISIONS[cell]);
    const equal = row[1] === 'equal';
    expect([newer, checksum, always].map((terms) => decided(seed, volumeOf(row), terms, equal))).toEqual(expected);
  });

  it.each(rows)('%s second, %s content, %s mode, %s names: kept by missing, passed over by never', (...row) => {
    const equal = row[1] === 'equal';
    expect(decided(seed, volumeOf(row), missing, equal)).toEqual(DECISIONS['EXISTS']);
    expect(decided(seed, volumeOf(row), never, equal)).toEqual(DECISIONS['none']);
  });

  it('are not read where the decision does not turn on their bytes', () => {
    const strays: string[] = [];
    for (const row of rows) {
      const volume = volumeOf(row);
      for (const terms of [newer, checksum, missing, always, never]) {
        const [read, unread] = [true, false].map((answer) => JSON.stringify(decide(seed, volume, terms, answer)));
        if (!needsContent(seed, volume, terms) && read !== unread)
          strays.push(`${row.join(' ')} under ${terms.policy}`);
      }
    }
    expect(strays).toEqual([]);
  });

  it('are never read by an ordinary run, where no file has two names', () => {
    const single = rows.filter(([, , , names]) => names === '1').map(volumeOf);
    expect(single.filter((volume) => needsContent(seed, volume, newer))).toEqual([]);
  });

  it.each([0, 1, 999, 1000, 1999, 500_000_000, 999_999_999])(
    'under --checksum differ in no time that node:fs cannot set (%i ns)',
    (nanoseconds) => {
      for (const lost of [0, 240, 700, 999]) {
        const set = file({ nanoseconds: Math.max(0, nanoseconds - lost) });
        expect(decided(file({ nanoseconds }), set, checksum, true)).toEqual(DECISIONS['same']);
      }
    },
  );
});

describe('all other kinds', () => {
  const seeds: Readonly<Record<string, Entry>> = { file: file(), link: link(), directory: directory(), other: other() };
  const volumes: Readonly<Record<string, Entry | undefined>> = {
    nothing: undefined,
    file: file(),
    link: link(),
    'other link': link({ target: 'elsewhere' }),
    empty: directory({ empty: true }),
    full: directory({ empty: false }),
    unasked: directory(),
    special: other(),
  };

  const byPolicy: Readonly<Record<string, string>> = {
    'newer checksum always': `
      seed      | nothing | file   | link   | other link | empty  | full    | unasked | special
      file      | create  | same   | type   | type       | type   | blocked | blocked | type
      link      | create  | type   | same   | target     | type   | blocked | blocked | type
      directory | create  | type   | type   | type       | same   | same    | same    | type
      other     | none    | none   | none   | none       | none   | none    | none    | none`,
    missing: `
      seed      | nothing | file   | link   | other link | empty  | full    | unasked | special
      file      | create  | EXISTS | EXISTS | EXISTS     | EXISTS | EXISTS  | EXISTS  | EXISTS
      link      | create  | EXISTS | EXISTS | EXISTS     | EXISTS | EXISTS  | EXISTS  | EXISTS
      directory | create  | EXISTS | EXISTS | EXISTS     | same   | same    | same    | EXISTS
      other     | none    | none   | none   | none       | none   | none    | none    | none`,
    never: `
      seed      | nothing | file   | link   | other link | empty  | full    | unasked | special
      file      | none    | none   | none   | none       | none   | none    | none    | none
      link      | none    | none   | none   | none       | none   | none    | none    | none
      directory | none    | none   | none   | none       | none   | none    | none    | none
      other     | none    | none   | none   | none       | none   | none    | none    | none`,
  };
  const terms: Readonly<Record<string, Terms>> = { newer, checksum, missing, always, never };

  const cells = Object.entries(byPolicy).flatMap(([policies, text]) => {
    const [[, ...columns] = [], ...lines] = table(text);
    return policies
      .split(' ')
      .flatMap((policy) =>
        lines.flatMap(([seed = '', ...row]) =>
          row.map((expected, at) => ({ policy, seed, volume: columns[at] ?? '', expected })),
        ),
      );
  });

  it('are a product without a gap', () => {
    expect(cells.length).toBe(5 * 4 * 8);
  });

  // Whatever the times: -u protects a file against a file, and nothing else.
  const moments = [{ seconds: 99 }, { seconds: 100 }, { seconds: 101 }];

  it.each(cells)(
    '$policy: a $seed in the seed, $volume in the volume: $expected',
    ({ policy, seed, volume, expected }) => {
      const [one, another] = [seeds[seed], volumes[volume]];
      const rule = terms[policy];
      if (one === undefined || rule === undefined) throw new Error('no such row');
      const variants = another === undefined || one.kind === another.kind ? [{}] : moments;
      for (const variant of variants)
        expect(decided(one, another && { ...another, ...variant }, rule, true)).toEqual(DECISIONS[expected]);
    },
  );

  it.each([
    ['never replaces', 'file'],
    ['never replaces', 'link'],
  ])('%s a directory that may hold something by a %s, under any policy', (_, kind) => {
    for (const policy of POLICIES.filter((each) => each !== 'merge')) {
      for (const full of [directory(), directory({ empty: false })]) {
        const { verb } = decided(kind === 'file' ? file() : link(), full, { ...newer, policy }, true);
        expect(['blocked', 'keep', 'none']).toContain(verb);
      }
    }
  });
});

describe('attributes', () => {
  const variants = { '-': {}, m: { mode: 0o600 }, o: { uid: 7 }, t: { seconds: 101 } } as const;
  const differing = (what: string) =>
    Object.assign({}, ...what.split('').map((one) => variants[one as keyof typeof variants]));

  it.each([
    // The volume's differ in | of a directory | of a link
    ['-', 'same', 'same'],
    ['m', 'fix m', 'same'],
    ['o', 'fix o', 'fix o'],
    ['t', 'fix t', 'fix t'],
    ['mo', 'fix mo', 'fix o'],
    ['mt', 'fix mt', 'fix t'],
    ['ot', 'fix ot', 'fix ot'],
    ['mot', 'fix mot', 'fix ot'],
  ])('that differ in %s: %s of a directory, %s of a link; newer or always', (what, ofDirectory, ofLink) => {
    for (const terms of [newer, checksum, always]) {
      expect(decided(directory(), directory(differing(what)), terms, true)).toEqual(DECISIONS[ofDirectory]);
      expect(decided(link(), link(differing(what)), terms, true)).toEqual(DECISIONS[ofLink]);
    }
  });

  it('of a directory in the volume are nothing to missing', () => {
    expect(decided(directory(), directory(differing('mot')), missing, true)).toEqual(DECISIONS['same']);
  });

  it.each<[what: string, seed: Partial<File>, volume: Partial<File>, expected: string]>([
    ['another user', { uid: 1 }, { uid: 2 }, 'fix o'],
    ['another group', { gid: 1 }, { gid: 2 }, 'fix o'],
    ['another user that is not ours to set', { uid: LEAVE }, { uid: 2 }, 'same'],
    ['another group that is not ours to set', { gid: LEAVE }, { gid: 2 }, 'same'],
    ['a user not ours to set, but another group', { uid: LEAVE, gid: 1 }, { uid: 5, gid: 2 }, 'fix o'],
  ])('differ by %s', (_, seed, volume, expected) => {
    expect(decided(file(seed), file(volume), newer, false)).toEqual(DECISIONS[expected]);
  });

  it.each<[what: string, seed: Entry, volume: Entry, keeps: boolean, expected: string]>([
    ['is wanted where we keep it', file({ mode: 0o2755 }), file({ mode: 0o755 }), true, 'fix m'],
    ['is not asked for again where the kernel drops it', file({ mode: 0o2755 }), file({ mode: 0o755 }), false, 'same'],
    ['is left where it is there already', file({ mode: 0o2755 }), file({ mode: 0o2755 }), false, 'same'],
    ['hides no other difference', file({ mode: 0o2755 }), file({ mode: 0o700 }), false, 'fix m'],
    ['is not asked for on a directory either', directory({ mode: 0o2755 }), directory({ mode: 0o755 }), false, 'same'],
  ])('the set-group-id bit %s', (_, seed, volume, keeps, expected) => {
    expect(decided(seed, volume, { ...newer, keepsGroup: () => keeps }, false)).toEqual(DECISIONS[expected]);
  });

  it('asks about the group that the file will have', () => {
    const asked: number[] = [];
    const keepsGroup = (gid: number): boolean => asked.push(gid) > 0;
    decide(file({ gid: 5, mode: SET_GID }), file({ gid: 6 }), { ...newer, keepsGroup }, false);
    decide(file({ gid: LEAVE, mode: SET_GID }), file({ gid: 6 }), { ...newer, keepsGroup }, false);
    expect(asked).toEqual([5, 6]);
  });
});
