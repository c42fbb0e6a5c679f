// docs/walk.md, followed to the letter: every command that stands there, in that order, and every line of output that it shows.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { attempt, checkout, run } from '../support/docker.ts';
import { containers } from './lab.ts';

interface Step {
  /** The heading that it stands under. */
  readonly under: string;
  readonly commands: string;
  /** Lines of the output, in their order; others may stand between them. */
  readonly shows: readonly string[];
}

containers('the walk of docs/walk.md', () => {
  test('goes as it says', async () => {
    const steps = stepsOf(readFileSync(join(checkout, 'docs/walk.md'), 'utf8'));
    expect(steps.length).toBeGreaterThan(8);
    const home = mkdtempSync(join(tmpdir(), 'volseed-walk-'));
    const images = await mine();
    onTestFinished(async () => {
      await attempt(['rm', '--force', 'walk']);
      await attempt(['volume', 'rm', '--force', 'walk']);
      const made = (await mine()).filter((image) => !images.includes(image));
      if (made.length > 0) await attempt(['rmi', '--force', ...made]);
      rmSync(home, { recursive: true });
    });
    let place = checkout;
    for (const { under, commands, shows } of steps) {
      // In the directory that the step before has left it in, as in one terminal; stopped by the first failure.
      const script = `set -euo pipefail\n${commands}\npwd > "$HOME/.place"`;
      const { code, stdout, stderr } = await run('bash', ['-c', script], { env: { HOME: home }, cwd: place });
      const output = `${stdout}${stderr}`;
      expect({ under, code, output }).toMatchObject({ code: 0 });
      const lines = new Set([stdout, stderr].flatMap((text) => text.split('\n').map(withoutChance)));
      const missing = shows.filter((line) => !lines.has(withoutChance(line)));
      expect({ under, missing, output }).toMatchObject({ missing: [] });
      expect(inOrder(shows, stdout), `${under}\n${output}`).toBe(true);
      place = readFileSync(join(home, '.place'), 'utf8').trim();
    }
  });
});

/** Each block of commands with the block of output behind it, if there is one before the next commands. */
function stepsOf(markdown: string): readonly Step[] {
  const steps: { under: string; commands: string; shows: string[] }[] = [];
  let under = '';
  for (const [, heading, language, body = ''] of markdown.matchAll(/^## (.*)$|^```(\w+)\n([^]*?)^```$/gm)) {
    if (heading !== undefined) under = heading;
    if (language === 'sh') steps.push({ under, commands: body, shows: [] });
    if (language === 'text') steps.at(-1)?.shows.push(...body.trimEnd().split('\n'));
  }
  return steps;
}

/** A line without what differs each time: ids, times, sizes of archives. */
function withoutChance(line: string): string {
  return line
    .replace(/^volseed: (warning: )?/, '')
    .replaceAll(/\d{8}T\d{6}-[0-9a-f]{6}/g, 'ID')
    .replace(/[\d.]+ k?B packed/, 'N packed')
    .replace(/[\d.]+ bytes packed/, 'N packed')
    .replace(/[\d.]+ s\.$/, 'N s.');
}

/** Warnings are on stderr, which has an order of its own. */
function inOrder(shows: readonly string[], stdout: string): boolean {
  const lines = stdout.split('\n').map(withoutChance);
  const found = shows.map(withoutChance).filter((line) => lines.includes(line));
  let from = 0;
  return found.every((line) => {
    const at = lines.indexOf(line, from);
    from = at + 1;
    return at >= 0;
  });
}

async function mine(): Promise<readonly string[]> {
  const { stdout } = await attempt(['images', '--format', '{{.Repository}}:{{.Tag}}']);
  return stdout.split('\n').filter((image) => /^(walk|volseed-tool):/.test(image));
}
