// The promise: whenever a run is killed, the next one knows of each path whether it was that run that placed it, or a user.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countOf, endOf, killed, points } from '../support/kills.ts';
import { suite } from '../support/prerequisites.ts';
import { ground, leftovers, type Ground, type Literal } from '../support/probe.ts';
import { snapshot } from '../support/snapshot.ts';
import { build, directory, file, symlink, tree } from '../support/tree.ts';
import { volseed } from '../support/volseed.ts';

const POINTS = Number(process.env['VOLSEED_KILL_POINTS'] ?? 6);

/** An image: what changes from one to the next is all that can change. */
const image = (n: number): Literal => {
  const at = { mtime: 1000 * n };
  return {
    a: file(`a ${n}`, at),
    'dir/b': file(`b ${'x'.repeat(n)}`, at),
    'dir/same': file('same', { mtime: 500 }),
    'dir/mode': file('mode', { mtime: 500, mode: [0o644, 0o640, 0o644, 0o600][n] ?? 0 }),
    'dir/edited': file(`edited ${n}`, at),
    large: file(`${n}`.repeat(300_000), at),
    link: symlink(`to ${n}`),
    [`only-${n}/x`]: file(`x ${n}`, at),
    [`only-${n}/y/z`]: file(`z ${n}`, at),
    ...(n === 2 ? { turns: file('a file now', at) } : { 'turns/x': file(`x ${n}`, at), empty: directory() }),
  };
};

function ship(on: Ground, n: number, manifest: boolean): void {
  rmSync(on.seed, { recursive: true });
  build(on.seed, tree(image(n)));
  if (manifest) volseed(['manifest', '--source', on.seed]);
}

/** What is where, but for when a run says that it offered something. */
const contents = (volume: string): unknown =>
  [...snapshot(volume)].map(([path, { type, mode, holds }]) => [path, type, mode, holds]);

const policies = [
  { first: 'merge', killed: 'merge', after: ['merge'], versions: [1, 2, 3], manifest: true },
  { first: 'merge', killed: 'merge', after: ['merge'], versions: [1, 2, 3], manifest: false },
  { first: 'merge', killed: 'merge', after: ['merge'], versions: [1, 2, 1], manifest: true },
  { first: 'merge', killed: 'merge', after: ['merge'], versions: [1, 2, 1], manifest: false },
  { first: undefined, killed: 'merge', after: ['merge'], versions: [1, 2, 3], manifest: true },
  { first: 'newer', killed: 'newer', after: ['newer', 'merge'], versions: [1, 2, 3], manifest: false },
] as const;

it('goes on where the journal cannot be read, says so once, and takes it away', () => {
  const on = ground(image(1));
  volseed(['sync', ...on.where, '--policy', 'merge']);
  expect(readdirSync(join(on.volume, '.volseed'))).not.toContain('journal');
  writeFileSync(join(on.volume, '.volseed/journal'), 'volseed-journal 1 of another program\n');
  expect(volseed(['plan', ...on.where, '--policy', 'merge'])).toMatchObject({ code: 0, stderr: '' });
  const told = volseed(['sync', ...on.where, '--policy', 'merge']);
  expect([told.code, told.stderr]).toEqual([0, expect.stringMatching(/the journal in .* could not be read/)]);
  expect(volseed(['sync', ...on.where, '--policy', 'merge'])).toMatchObject({ code: 0, stderr: '' });
});

suite('killed while it publishes', ['strace'], () => {
  describe.each(policies)(
    '$first, $killed, $after of the images $versions, with a manifest: $manifest',
    ({ first, killed: policy, after, versions, manifest }) => {
      const [v1, v2, v3] = versions;
      const prune = policy === 'merge' ? ['--prune'] : [];

      const prepared = (): Ground => {
        const on = ground(image(v1));
        if (first !== undefined) {
          ship(on, v1, manifest);
          expect(volseed(['sync', ...on.where, '--policy', first]).code).toBe(0);
          writeFileSync(join(on.volume, 'dir/edited'), 'by the user');
        }
        ship(on, v2, manifest);
        return on;
      };

      /** Brings the volume to the last image, by way of that which was interrupted or not. */
      const finish = (on: Ground): unknown => {
        const codes = after.map((next, at) => {
          if (at === after.length - 1) ship(on, v3, manifest);
          return volseed(['sync', ...on.where, '--policy', next, ...prune]).code;
        });
        const said = volseed(['status', ...on.where, '--policy', 'merge', '--json']).stdout;
        const { differences } = JSON.parse(said) as { readonly differences: unknown };
        return { codes, contents: contents(on.volume), differences, left: leftovers(on.volume) };
      };

      it.each(['rename', 'unlink', 'symlink', 'chmod', 'fchmod'])(
        'at %s: the next image meets no edits that nobody made',
        (call) => {
          const undisturbed = prepared();
          const options = ['--policy', policy, ...prune];
          const calls = countOf(call, ['sync', ...undisturbed.where, ...options], join(undisturbed.root, 'log'));
          const expected = finish(undisturbed);
          for (const n of points(calls, call === 'rename' ? POINTS : POINTS / 2)) {
            const on = prepared();
            const ended = endOf(call, n, killed(call, n, ['sync', ...on.where, ...options]).code);
            expect({ n, ended, end: finish(on) }).toEqual({ n, ended: 'killed', end: expected });
          }
        },
      );
    },
  );
});
