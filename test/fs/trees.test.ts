import fs from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Refused, UsageError, VolumeError } from '../../src/core/errors.ts';
import { ROOT, type Name, type RelPath } from '../../src/core/path.ts';
import { scan } from '../../src/fs/scan.ts';
import { openTrees, passedOver, refuseWithoutProc, rootsOf, type Opened } from '../../src/fs/trees.ts';
import { build, directory, file, symlink, tree } from '../support/tree.ts';
import { look } from '../../src/fs/look.ts';
import { giveManifest } from './manifest.ts';
import { anchorAt, canMount, mount, path, place, still, type Literal } from './place.ts';

const seedAt = (source: string) => [{ source, by: '--source', into: ROOT }];

function open(source: string, target: string, mayMake = true): Opened {
  const places = { seeds: seedAt(source), target, targetBy: '--target', stateDir: undefined };
  const opened = openTrees(places, mayMake, (message) => expect.fail(message));
  onTestFinished(() => {
    opened.seed.close();
    opened.volume?.close();
  });
  return opened;
}

const no = (count: number): boolean[] => Array<boolean>(count).fill(false);
const plain: Literal = { seed: directory(), volume: directory() };

describe('openTrees', () => {
  it('opens two directories, by links to them too', () => {
    const root = place({ ...plain, 'seed/f': file(), s: symlink('seed'), v: symlink('volume') });
    for (const [source, target] of [
      ['seed', 'volume'],
      ['s', 'v'],
    ] as const) {
      const { seed, volume, made } = open(`${root}/${source}`, `${root}/${target}`);
      seed.enter(ROOT);
      expect(seed.names()).toEqual(['f']);
      expect(volume).toBeDefined();
      expect(made).toBe(false);
    }
  });

  it.each([
    ['a source that is not there', 'none', 'volume', 'source ROOT/none (--source) does not exist'],
    ['a source that is a file', 'f', 'volume', 'source ROOT/f (--source) is not a directory'],
    ['a source below a file', 'f/x', 'volume', 'source ROOT/f/x (--source) does not exist'],
    ['a source that is a link to nowhere', 'broken', 'volume', 'source ROOT/broken (--source) does not exist'],
    ['a target that is a file', 'seed', 'f', 'target ROOT/f (--target) is not a directory'],
    ['a target nowhere near a directory', 'seed', 'none/below', 'nor does the directory it would be in'],
    ['a target below a file', 'seed', 'f/x', 'nor does the directory it would be in'],
    ['the same directory', 'seed', 'seed', 'are the same directory'],
    ['the same directory by a link', 'seed', 'same', 'are the same directory'],
    ['the same directory by a way round', 'seed', 'seed/../seed', 'are the same directory'],
    ['a target inside the source', 'seed', 'seed/inner', 'target ROOT/seed/inner (--target) lies inside source'],
    [
      'a target inside the source, still to be made',
      'seed',
      'seed/new',
      'target ROOT/seed/new (--target) lies inside source',
    ],
    ['a source inside the target', 'seed/inner', 'seed', 'source ROOT/seed/inner (--source) lies inside target'],
    ['a target inside the source by a link', 'seed', 'inside', 'lies inside source'],
    ['a target below a link into the source', 'seed', 'inside/deep', 'lies inside source'],
    ['a target to be made below a link into the source', 'seed', 'inside/new', 'lies inside source'],
    ['a source inside the target by a link', 'inside', 'seed', 'lies inside target'],
  ])('refuses %s, and makes nothing', (_, source, target, message) => {
    const root = place({
      ...plain,
      f: file(),
      'seed/inner/deep': directory(),
      broken: symlink('nowhere'),
      same: symlink('seed'),
      inside: symlink('seed/inner'),
    });
    const before = fs.readdirSync(root, { recursive: true });
    const refuse = (): unknown => open(`${root}/${source}`, `${root}/${target}`);
    expect(refuse).toThrow(UsageError);
    expect(refuse).toThrow(message.replaceAll('ROOT', root));
    expect(fs.readdirSync(root, { recursive: true })).toEqual(before);
  });

  it('takes directories for two of which one has the beginning of the name of the other', () => {
    const root = place({ data: directory(), 'data-volume': directory() });
    expect(() => open(`${root}/data`, `${root}/data-volume`)).not.toThrow();
  });

  it('makes a target whose directory is there, and says that it did', () => {
    const root = place(plain);
    const { made, volume } = open(`${root}/seed`, `${root}/new`);
    expect(made).toBe(true);
    expect(volume).toBeDefined();
    expect(fs.readdirSync(root)).toEqual(['new', 'seed', 'volume']);
  });

  it('makes none where nothing may be touched', () => {
    const root = place(plain);
    expect(open(`${root}/seed`, `${root}/new`, false)).toMatchObject({ made: false, volume: undefined });
    expect(fs.existsSync(`${root}/new`)).toBe(false);
  });

  it('says so where the target cannot be made', () => {
    const root = place({ ...plain, new: symlink('nowhere') });
    expect(() => open(`${root}/seed`, `${root}/new`)).toThrow(VolumeError);
  });

  it('reads a ConfigMap through its links', () => {
    const root = place({
      ...plain,
      'seed/..2026_01_01/colors.json': file('{}'),
      'seed/..data': symlink('..2026_01_01'),
      'seed/colors.json': symlink('..data/colors.json'),
    });
    const { seed } = open(`${root}/seed`, `${root}/volume`);
    seed.enter(ROOT);
    expect(seed.names().map((name) => [name, seed.look(name)?.kind])).toEqual([['colors.json', 'file']]);
  });

  it('takes a directory that is called ..data for one like any other', () => {
    const root = place({ ...plain, 'seed/..data/f': file(), 'seed/g': file() });
    const { seed } = open(`${root}/seed`, `${root}/volume`);
    seed.enter(ROOT);
    expect(seed.names()).toEqual(['..data', 'g']);
  });
});

const onlyInner = ({ path: at }: { path: RelPath }) => (at === 'inner' ? ('both' as const) : ('skip' as const));
const trees = (): string => place({ 'seed/inner/deep/x': file(), volume: directory(), bound: directory() });

describe.skipIf(!canMount())('trees by bind mounts', () => {
  it('are known for the same directory', () => {
    const root = trees();
    mount(`${root}/bound`, '--bind', `${root}/seed`);
    expect(() => open(`${root}/seed`, `${root}/bound`)).toThrow('are the same directory');
  });

  it('are known for one inside the other, by what is above', () => {
    const root = trees();
    mount(`${root}/bound`, '--bind', `${root}/seed`);
    expect(() => open(`${root}/seed`, `${root}/bound/inner`)).toThrow('lies inside source');
    expect(() => open(`${root}/bound/inner`, `${root}/seed`)).toThrow('lies inside target');
  });

  it('are known for one inside the other wherever in the volume somebody has worked before', async () => {
    const root = trees();
    build(`${root}/volume`, tree({ 'd/f': file() }));
    const opened = open(`${root}/seed`, `${root}/volume`);
    mount(`${root}/seed/inner`, '--bind', `${root}/volume`);
    opened.volume?.moveTo(path('d'));
    const visitor = { asksContent: () => false, visit: onlyInner, problem: () => undefined };
    const ends = scan({ ...opened, passedOver: () => false, unlocked: undefined }, still, visitor);
    await expect(ends).rejects.toThrow('lie inside one another');
  });

  it.each(['walked', 'known by its manifest'])(
    'are known for one inside the other in a seed that is %s',
    async (how) => {
      const root = trees();
      if (how !== 'walked') await giveManifest(`${root}/seed`);
      mount(`${root}/bound`, '--bind', `${root}/seed/inner`);
      const opened = open(`${root}/seed`, `${root}/bound`);
      expect(opened.seed.digest === undefined).toBe(how === 'walked');
      const visitor = { asksContent: () => false, visit: () => 'both' as const, problem: () => undefined };
      const ends = scan({ ...opened, passedOver: () => false, unlocked: undefined }, still, visitor);
      await expect(ends).rejects.toThrow('lie inside one another');
    },
  );
});

/** A name of the working directory, as what it is in the directory `d` of a volume. */
const asked = (at: string) => [path(`d/${at}`), look(at as Name)] as const;

describe('passedOver', () => {
  const places = { seeds: seedAt('/seed'), target: '/data', stateDir: undefined };

  it("passes over what is volseed's own, at the root and nowhere else", () => {
    const passes = passedOver(places);
    const own = ['.volseed', '.volseed-manifest'];
    expect(own.map((each) => passes(path(each)))).toEqual([true, true]);
    expect(own.map((each) => passes(path(`a/${each}`)))).toEqual([false, false]);
    expect(['volseed', '.volseed-x', ''].map((each) => passes(path(each)))).toEqual([false, false, false]);
  });

  it('passes over a state directory of another name in the volume', () => {
    const passes = passedOver({ ...places, stateDir: '/data/.st\u00e4te/volseed' });
    expect(passes('.st\xc3\xa4te/volseed' as RelPath)).toBe(true);
    expect(passes(path('.state'))).toBe(false);
    expect(passedOver({ ...places, stateDir: '/data-2/state' })(path('2/state'))).toBe(false);
  });

  it('passes over state and backups in the volume whatever links lead there, made or not', () => {
    const root = place({ ...plain, 'volume/st': directory(), l: symlink('volume'), 'volume/m': symlink('.') });
    const [stateDir, directoryOfBackups] = [`${root}/l/st`, `${root}/volume/m/b/k`];
    const backup = { directory: directoryOfBackups };
    for (const target of [`${root}/volume`, `${root}/l`]) {
      const passes = passedOver({ seeds: seedAt(`${root}/seed`), target, stateDir, backup });
      expect(['st', 'b/k', 'b', 's', 'a/st'].map((each) => passes(path(each)))).toEqual([true, true, ...no(3)]);
    }
    const gone = passedOver({ seeds: seedAt(`${root}/seed`), target: `${root}/none`, stateDir, backup });
    expect(['st', 'b/k'].map((each) => gone(path(each)))).toEqual(no(2));
  });

  it('passes over what is the state directory by a name that says nothing of it', () => {
    const root = place({ ...plain, 'volume/d/st': directory(), 'volume/d/other': directory() });
    anchorAt(`${root}/volume/d`).here();
    // As where a part of the volume is mounted elsewhere, too.
    const elsewhere = { seeds: seedAt(`${root}/seed`), target: `${root}/seed` };
    const passes = passedOver({ ...elsewhere, stateDir: `${root}/volume/d/st` });
    expect([passes(...asked('st')), passes(...asked('other'))]).toEqual([true, false]);
    expect(passedOver({ ...elsewhere, stateDir: undefined })(...asked('st'))).toBe(false);
  });

  it('passes over no lost+found where no file system put it', () => {
    const root = place({ 'seed/lost+found': directory(), 'volume/.snapshot': directory() });
    const passes = passedOver({ seeds: seedAt(`${root}/seed`), target: `${root}/volume`, stateDir: undefined });
    expect(['lost+found', '.snapshot'].map((each) => passes(path(each)))).toEqual([false, false]);
  });

  it.skipIf(!canMount())('passes over lost+found at the root of a mount, and nowhere else', () => {
    const root = place(plain);
    mount(`${root}/volume`, '-t', 'tmpfs', 'none');
    const passes = passedOver({ seeds: seedAt(`${root}/seed`), target: `${root}/volume`, stateDir: undefined });
    expect(['lost+found', '.snapshot', 'a/lost+found'].map((each) => passes(path(each)))).toEqual([true, true, false]);
  });
});

describe('rootsOf', () => {
  it('are the two directories themselves, and nothing where there is no volume', () => {
    const root = place({ seed: directory({ mode: 0o750 }), volume: directory({ mode: 0o711 }) });
    const opened = open(`${root}/seed`, `${root}/volume`);
    expect(rootsOf(opened)).toMatchObject({ seed: { mode: 0o750 }, volume: { mode: 0o711 } });
    expect(rootsOf({ ...opened, volume: undefined })).toBeUndefined();
  });

  it('are these wherever in the volume somebody has worked before', () => {
    const root = place({ ...plain, volume: directory({ mode: 0o711 }), 'volume/d': directory({ mode: 0o750 }) });
    const opened = open(`${root}/seed`, `${root}/volume`);
    opened.volume?.moveTo(path('d'));
    expect(rootsOf(opened)).toMatchObject({ volume: { mode: 0o711 } });
  });
});

describe('refuseWithoutProc', () => {
  it('has no objection where there is /proc', () => {
    const anchor = anchorAt(place({ '.': directory({ mode: 0o777 }) }));
    expect(() => refuseWithoutProc(anchor, { privileged: true, uid: 0, groups: new Set() })).not.toThrow(Refused);
  });
});
