// Real packages as images: every file of every version is of 1985, so that no time tells one version from another.
import { appendFileSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seen, unlike } from '../support/merge-model.ts';
import { suite } from '../support/prerequisites.ts';
import { type Ground, ground } from '../support/probe.ts';
import { changes, snapshot } from '../support/snapshot.ts';
import { remove, scratch, type Scratch } from '../support/tree.ts';
import { type Result, runToEnd, volseed } from '../support/volseed.ts';

// From 2.3.1 to 4.0.2 a file goes and another comes; from there to 4.0.3 package.json changes and keeps its size.
const VERSIONS = ['2.3.1', '4.0.2', '4.0.3'] as const;
type Version = (typeof VERSIONS)[number];

const read = (on: Ground, path: string): string => readFileSync(join(on.volume, path), 'utf8');
const versionIn = (on: Ground): string => (JSON.parse(read(on, 'package.json')) as { version: string }).version;

/** Paths that do not have what the image has. */
const unlikeImage = (on: Ground): string[] =>
  unlike(seen(snapshot(on.seed)), seen(snapshot(on.volume))).map((line) => line.slice(0, line.indexOf(': ')));

suite('versions of a package', ['the npm registry'], () => {
  let place: Scratch;

  beforeAll(() => {
    place = scratch();
    const specs = VERSIONS.map((version) => `picomatch@${version}`);
    // With all that tells npm of a registry, and how it is reached.
    const env = process.env as Record<string, string>;
    const packed = runToEnd('npm', ['pack', '--silent', '--pack-destination', place.path, ...specs], { env });
    if (packed.code !== 0) throw new Error(packed.stderr);
    for (const version of VERSIONS) {
      mkdirSync(image(version));
      const tarball = join(place.path, `picomatch-${version}.tgz`);
      runToEnd('tar', ['-xzf', tarball, '-C', image(version), '--strip-components=1']);
    }
  });

  afterAll(() => place[Symbol.dispose]());

  const image = (version: Version): string => join(place.path, version);

  function ship(on: Ground, version: Version): void {
    remove(on.seed);
    runToEnd('cp', ['-a', image(version), on.seed]);
  }

  function sync(on: Ground, version: Version, policy: string, ...more: string[]): Result {
    ship(on, version);
    return volseed(['sync', ...on.where, '--policy', policy, ...more]);
  }

  it('are all of one time, and one change keeps the size of its file', () => {
    const stats = VERSIONS.map((version) => lstatSync(join(image(version), 'package.json')));
    expect(new Set(stats.map(({ mtimeMs }) => mtimeMs)).size).toBe(1);
    expect(stats[1]?.size).toBe(stats[2]?.size);
  });

  it('newer misses what changes without another size', () => {
    const on = ground({});
    sync(on, '4.0.2', 'newer');
    expect(sync(on, '4.0.3', 'newer')).toMatchObject({ code: 0 });
    expect(versionIn(on)).toBe('4.0.2');
    expect(unlikeImage(on)).toEqual(['package.json']);
  });

  it('merge updates all', () => {
    const on = ground({});
    sync(on, '4.0.2', 'merge');
    expect(sync(on, '4.0.3', 'merge')).toMatchObject({ code: 0, stderr: '' });
    expect(versionIn(on)).toBe('4.0.3');
    expect(unlikeImage(on)).toEqual([]);
  });

  it('merge updates a volume that newer seeded', () => {
    const on = ground({});
    sync(on, '4.0.2', 'newer');
    expect(sync(on, '4.0.3', 'merge')).toMatchObject({ code: 0, stderr: '' });
    expect(unlikeImage(on)).toEqual([]);
  });

  it('merge keeps an edited file and offers the image’s, keeps a deleted one deleted, and prunes an obsolete one', () => {
    const on = ground({});
    sync(on, '2.3.1', 'merge');
    appendFileSync(join(on.volume, 'lib/parse.js'), '// mine\n');
    rmSync(join(on.volume, 'lib/scan.js'));
    writeFileSync(join(on.volume, 'lib/mine.js'), 'mine');
    expect(sync(on, '4.0.2', 'merge', '--prune')).toMatchObject({ code: 0 });
    expect(read(on, 'lib/parse.js')).toContain('// mine');
    expect(read(on, 'lib/parse.js.volseed-new')).toBe(readFileSync(join(on.seed, 'lib/parse.js'), 'utf8'));
    expect(existsSync(join(on.volume, 'CHANGELOG.md'))).toBe(false);
    expect(unlikeImage(on)).toEqual(['lib/mine.js', 'lib/parse.js', 'lib/parse.js.volseed-new', 'lib/scan.js']);
  });

  it('merge goes back to an older version, edits and all, and a second run changes nothing', () => {
    const on = ground({});
    sync(on, '2.3.1', 'merge');
    appendFileSync(join(on.volume, 'lib/parse.js'), '// mine\n');
    sync(on, '4.0.2', 'merge', '--prune');
    sync(on, '4.0.3', 'merge', '--prune');
    expect(sync(on, '2.3.1', 'merge', '--prune')).toMatchObject({ code: 0, stderr: '' });
    expect(versionIn(on)).toBe('2.3.1');
    expect(read(on, 'lib/parse.js')).toContain('// mine');
    expect(unlikeImage(on)).toEqual(['lib/parse.js']);
    const before = snapshot(on.volume);
    expect(sync(on, '2.3.1', 'merge', '--prune')).toMatchObject({ code: 0, stderr: '' });
    expect(changes(before, snapshot(on.volume))).toEqual([]);
  });
});
