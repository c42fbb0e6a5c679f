import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Refused, VolumeError } from '../../src/core/errors.ts';
import { StateDirectory } from '../../src/fs/private.ts';
import { ordinary, suite } from '../support/prerequisites.ts';
import { changes, snapshot } from '../support/snapshot.ts';
import { directory, fifo, file, symlink } from '../support/tree.ts';
import { anchorAt, as, path, place, type Literal } from './place.ts';

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

function opened(literal: Literal = {}, chosen?: string): { root: string; state: StateDirectory } {
  const root = place(literal);
  return { root, state: StateDirectory.open(anchorAt(root), chosen) };
}

const modeOf = (at: string): number => fs.lstatSync(at).mode & 0o7777;

describe('the state directory', () => {
  it("is made at the volume's root, closed to everybody else", () => {
    const { root, state } = opened();
    expect(modeOf(`${root}/.volseed`)).toBe(0o700);
    expect(state.shownAs).toBe(`${root}/.volseed`);
    state[Symbol.dispose]();
  });

  it('removes a directory that stands in the place of a file, and follows no link in it', () => {
    const { root, state } = opened({
      '.volseed/base/below/f': file(),
      '.volseed/base/out': symlink('../../outside'),
      'outside/f': file('theirs'),
    });
    state.remove('base');
    expect(state.names()).toEqual([]);
    expect(fs.readFileSync(`${root}/outside/f`, 'utf8')).toBe('theirs');
    state[Symbol.dispose]();
  });

  it('hands out no pieces of what is no file', () => {
    const { state } = opened({ '.volseed/a': fifo(), '.volseed/b': directory() });
    for (const name of ['a', 'b']) expect(() => [...state.pieces(name)]).toThrow(Refused);
    state[Symbol.dispose]();
  });

  it('is made at the root wherever the anchor is', () => {
    const root = place({ 'a/b': directory() });
    const anchor = anchorAt(root);
    anchor.moveTo(path('a/b'));
    using _ = StateDirectory.open(anchor, undefined);
    expect(fs.existsSync(`${root}/.volseed`)).toBe(true);
  });

  it.each([0o777, 0o770, 0o755, 0o500, 0o000])('of mode %o is closed to others, and opened to us', (mode) => {
    const { root, state } = opened({ '.volseed': directory({ mode }) });
    expect(modeOf(`${root}/.volseed`) & 0o777).toBe(0o700);
    state[Symbol.dispose]();
  });

  it.each([
    ['a link to a directory', symlink('elsewhere')],
    ['a link to nowhere', symlink('nowhere')],
    ['a file', file('mine')],
    ['a FIFO', fifo()],
  ])('is refused where it is %s, and nothing is touched', (_, entry) => {
    const root = place({ '.volseed': entry, elsewhere: directory({ mode: 0o755 }) });
    const before = snapshot(root, { state: true });
    expect(() => StateDirectory.open(anchorAt(root), undefined)).toThrow(Refused);
    expect(changes(before, snapshot(root, { state: true }))).toEqual([]);
  });

  it('may be where the operator wants it, and its parents are made', () => {
    const root = place({ volume: directory() });
    using state = StateDirectory.open(anchorAt(`${root}/volume`), `${root}/a/b/state`);
    expect(modeOf(`${root}/a/b/state`)).toBe(0o700);
    expect(state.shownAs).toBe(`${root}/a/b/state`);
    expect(fs.readdirSync(`${root}/volume`)).toEqual([]);
  });

  it('has a name of any bytes', () => {
    const root = place({ volume: directory() });
    using state = StateDirectory.open(anchorAt(`${root}/volume`), `${root}/st\u00e4te`);
    state.create('x', Buffer.from('1'));
    expect(fs.readFileSync(`${root}/st\u00e4te/x`, 'utf8')).toBe('1');
  });

  it('that cannot be made is an error that says so', () => {
    const root = place({ f: file() });
    expect(() => StateDirectory.open(anchorAt(root), `${root}/f/state`)).toThrow(VolumeError);
    expect(() => StateDirectory.open(anchorAt(root), `${root}/f/state`)).toThrow('--state-dir');
  });

  it('leaves no descriptor open, refused or not', () => {
    const root = place({ ok: directory(), refused: directory(), 'refused/.volseed': file() });
    const anchors = [anchorAt(`${root}/ok`), anchorAt(`${root}/refused`)] as const;
    const before = fs.readdirSync('/proc/self/fd').length;
    StateDirectory.open(anchors[0], undefined)[Symbol.dispose]();
    expect(() => StateDirectory.open(anchors[1], undefined)).toThrow(Refused);
    expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('is the one that was opened, whatever is put in its place', () => {
    const { root, state } = opened({ outside: directory() });
    fs.renameSync(`${root}/.volseed`, `${root}/moved`);
    fs.symlinkSync('outside', `${root}/.volseed`);
    state.create('f', Buffer.from('x'));
    state.replace('g', Buffer.from('y'), true);
    expect(fs.readdirSync(`${root}/moved`)).toEqual(['f', 'g']);
    expect(fs.readdirSync(`${root}/outside`)).toEqual([]);
    state[Symbol.dispose]();
  });
});

suite('the state directory and users', ['root'], () => {
  it("is refused where it is somebody else's, who could write to it", () => {
    const root = place({ '.volseed': directory({ ...ordinary, mode: 0o700 }) });
    expect(() => StateDirectory.open(anchorAt(root), undefined)).toThrow(Refused);
    expect(() => StateDirectory.open(anchorAt(root), undefined)).toThrow('belongs to uid 1000');
  });

  it("of root's is refused without root", async () => {
    const root = place({ '.volseed': directory({ mode: 0o777 }) });
    await as(ordinary, () => expect(() => StateDirectory.open(anchorAt(root), undefined)).toThrow(Refused));
    expect(modeOf(`${root}/.volseed`)).toBe(0o777);
  });

  it('that may not be made says who we are, whose the volume is, and the way out', async () => {
    const root = place({ '.': directory({ mode: 0o755 }) });
    const message = /cannot create .*permission denied.*uid 1000.*belongs to 0:0 with mode 755.*--state-dir/;
    await as(ordinary, () => expect(() => StateDirectory.open(anchorAt(root), undefined)).toThrow(message));
  });
});

describe('its files', () => {
  it('are created for us alone, once', () => {
    const { root, state } = opened();
    state.create('f', Buffer.from('one'));
    expect(modeOf(`${root}/.volseed/f`)).toBe(0o600);
    expect(() => state.create('f', Buffer.from('two'))).toThrow('EEXIST');
    expect(text(state.read('f'))).toBe('one');
  });

  it('are replaced whole, under their name at no time half-written, and nothing is left beside', () => {
    const { root, state } = opened();
    state.replace('f', Buffer.from('one'), false);
    const held = fs.openSync(`${root}/.volseed/f`, 'r');
    state.replace('f', Buffer.from('two'), true);
    expect(fs.readFileSync(held, 'utf8')).toBe('one');
    fs.closeSync(held);
    expect(text(state.read('f'))).toBe('two');
    expect(state.names()).toEqual(['f']);
  });

  it('are never written or read through a link', () => {
    const { root, state } = opened({ '.volseed/l': symlink('../outside'), outside: file('theirs') });
    expect(state.read('l')).toBeUndefined();
    expect(() => state.create('l', Buffer.from('x'))).toThrow('EEXIST');
    state.replace('l', Buffer.from('mine'), true);
    expect(text(state.read('l'))).toBe('mine');
    expect(fs.readFileSync(`${root}/outside`, 'utf8')).toBe('theirs');
  });

  it('are nothing where they are no files, and reading waits for nobody', () => {
    const { state } = opened({ '.volseed/p': fifo(), '.volseed/d': directory() });
    expect([state.read('p'), state.read('d'), state.read('none')]).toEqual([undefined, undefined, undefined]);
    expect([state.exists('p'), state.exists('d'), state.exists('none')]).toEqual([true, true, false]);
  });

  it('are removed, a directory with all in it, and nothing through a link', () => {
    const { root, state } = opened({
      '.volseed/d/f': file(),
      '.volseed/l': symlink('../outside'),
      'outside/f': file(),
    });
    for (const each of ['d', 'l', 'none']) state.remove(each);
    expect(state.names()).toEqual([]);
    expect(fs.readdirSync(`${root}/outside`)).toEqual(['f']);
  });

  it('are known to be open, or another to be open in their place', () => {
    const { root, state } = opened({ '.volseed/f': file(), '.volseed/g': file() });
    const held = fs.openSync(`${root}/.volseed/f`, 'r');
    expect([state.holdsOpen('f'), state.holdsOpen('g')]).toEqual([true, false]);
    fs.renameSync(`${root}/.volseed/g`, `${root}/.volseed/f`);
    expect(state.holdsOpen('f')).toBe(false);
    fs.closeSync(held);
  });
});
