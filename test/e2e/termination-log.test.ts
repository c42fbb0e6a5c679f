// What Kubernetes is told of a container that has ended. That it looks at /dev/termination-log unasked is for containers to
// show (test/containers/k8s.test.ts): here nobody mounts one.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ground, type Ground } from '../support/probe.ts';
import { file, tree } from '../support/tree.ts';
import { volseed, type Result } from '../support/volseed.ts';

interface Told extends Result {
  readonly told: string;
}

const before = 'as the kubelet made it';

function told(on: Ground, args: readonly string[], env: Record<string, string> = {}): Told {
  const message = join(on.seed, '..', 'termination-log');
  writeFileSync(message, before);
  const result = volseed(args, { env: { VOLSEED_TERMINATION_LOG: message, ...env } });
  return { ...result, told: readFileSync(message, 'utf8') };
}

const seeded = (): Ground => ground(tree({ a: file('a'), b: file('b') }));

describe('the termination message', () => {
  it('has the totals of a sync, as the log has them', () => {
    const on = seeded();
    const { stdout, told: message } = told(on, ['sync', ...on.where]);
    expect(message).toMatch(/^Totals: 2 created.*\.\n$/);
    expect(stdout.endsWith(message)).toBe(true);
  });

  it('is the same where the log is JSON, or says only what is wrong', () => {
    for (const option of ['--log-format=json', '--log-level=error']) {
      const on = seeded();
      expect(told(on, ['sync', option, ...on.where]).told).toMatch(/^Totals: 2 created.*\.\n$/);
    }
  });

  it('has the error and the way out, where the run as a whole failed', () => {
    const on = seeded();
    const { code, stderr, told: message } = told(on, ['sync', ...on.where, '--min-seed-files', '3']);
    expect(code).toBe(76);
    expect(message).toContain('--min-seed-files');
    expect(message).toBe(stderr);
  });

  it('has what is wrong with options, environment and configuration file', () => {
    const on = seeded();
    const config = join(on.seed, '..', 'volseed.yaml');
    writeFileSync(config, 'polcy: merge\n');
    for (const args of [
      ['sync', '--polcy', 'merge'],
      ['sync', ...on.where, '--policy', 'none'],
      ['sync', '--source', on.seed],
      ['sync', ...on.where, '--config', config],
    ]) {
      const { code, stderr, told: message } = told(on, args);
      expect(code).toBe(2);
      expect(message).toBe(stderr);
    }
  });

  it('is named by a flag rather than by the environment', () => {
    const on = seeded();
    const other = join(on.seed, '..', 'other');
    writeFileSync(other, '');
    expect(told(on, ['sync', ...on.where, '--termination-log', other]).told).toBe(before);
    expect(readFileSync(other, 'utf8')).toMatch(/^Totals: /);
    expect(told(on, ['sync', ...on.where, '--termination-log', '/dev/null'])).toMatchObject({
      stderr: '',
      told: before,
    });
  });

  it('has what a backup made, and what a reset put back', () => {
    const on = seeded();
    volseed(['sync', ...on.where]);
    expect(told(on, ['backup', ...on.where]).told).toMatch(
      /^Backed up 2 paths .* volseed restore \S+ brings it back\.\n$/,
    );
    writeFileSync(join(on.volume, 'a'), 'edited');
    expect(told(on, ['reset', 'a', ...on.where]).told).toMatch(
      /^Backed up 1 path .*\nTotals: 0 created, 1 updated.*\n$/,
    );
  });

  it.each([[[]], [['--supervise']]])('is left to the service that volseed becomes (run %j)', (options) => {
    const on = seeded();
    const command = ['run', ...options, ...on.where, '--', 'sh', '-c'];
    expect(told(on, [...command, 'exit 7'])).toMatchObject({ code: 7, told: before });
    const writes = 'printf mine > "$VOLSEED_TERMINATION_LOG"; exit 7';
    expect(told(on, [...command, writes])).toMatchObject({ code: 7, told: 'mine' });
  });

  it('says why a service was not started: a failed seeding, a command that is not there', () => {
    const on = seeded();
    const missing = told(on, ['run', ...on.where, '--', 'no-such-command']);
    expect(missing).toMatchObject({ code: 127, told: missing.stderr });
    const refused = told(on, ['run', ...on.where, '--min-seed-files', '3', '--', 'true']);
    expect(refused.code).toBe(76);
    expect(refused.told).toBe(refused.stderr);
  });

  it('is none of what only looks, whatever the environment says', () => {
    const on = seeded();
    for (const args of [
      ['plan', '--polcy'],
      ['status', ...on.where],
      ['plan', ...on.where, '--min-seed-files', '3'],
    ])
      expect(told(on, args).told).toBe(before);
  });

  it('that cannot be written is a warning, and the run ends as it would have', () => {
    const on = seeded();
    const { code, stderr } = volseed(['sync', ...on.where, '--termination-log', join(on.seed, 'none')]);
    expect([code, stderr]).toEqual([
      0,
      `volseed: warning: --termination-log: ${join(on.seed, 'none')} could not be written: no such file or directory\n`,
    ]);
  });
});
