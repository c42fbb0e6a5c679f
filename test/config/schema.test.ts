import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyOf, OPTIONS, optionsWithout, WAITING } from '../../src/config/options.ts';
import { schemasOf } from '../../src/config/schema.ts';
import { node } from '../support/volseed.ts';

interface Published {
  readonly properties: Readonly<
    Record<string, { readonly enum?: readonly string[]; readonly description: string } & Published>
  >;
  readonly items: Published;
}

const published = JSON.parse(readFileSync('docs/volseed.schema.json', 'utf8')) as Published;
const keysOf = ({ properties }: Published): string[] => Object.keys(properties).toSorted();

describe('the schema for editors', () => {
  it('is what the program checks by: npm run schema writes it anew', () => {
    const made = execFileSync(node, ['scripts/json-schema.ts', '--print'], { encoding: 'utf8' });
    expect(published).toEqual(JSON.parse(made));
  });

  it('has a key for every option but the one that names the file, and no other', () => {
    const named = OPTIONS.filter(({ name, section }) => name !== 'config' && section === undefined).map(keyOf);
    expect(keysOf(published)).toEqual([...named, 'rules', 'safety', 'seeds'].toSorted());
    const inSafety = OPTIONS.filter(({ section }) => section === 'safety').map(keyOf);
    expect(keysOf(published.properties['safety'] as Published)).toEqual(inSafety.toSorted());
  });

  it('has the choices of the table', () => {
    for (const option of OPTIONS.filter(({ choices, section }) => choices !== undefined && section === undefined))
      expect(published.properties[keyOf(option)]?.enum).toEqual(option.choices);
  });

  it('says of every key what it does', () => {
    const seeds = published.properties['seeds'] as Published;
    const rules = published.properties['rules'] as Published;
    for (const { properties } of [published, seeds.items, rules.items])
      expect(Object.entries(properties).filter(([, { description }]) => !description)).toEqual([]);
  });
});

describe('the schema', () => {
  it('knows what every value of the table is, also of what is not switched on yet', () => {
    expect(() => schemasOf([])).not.toThrow();
    expect(schemasOf([]).keys.top.length).toBeGreaterThan(20);
  });

  it('leaves out what waits, and nothing else', () => {
    const [now, then] = [schemasOf(WAITING).keys, schemasOf([]).keys];
    const all = (keys: typeof now): string[] => Object.values(keys).flat();
    expect(
      all(then)
        .filter((key) => !all(now).includes(key))
        .toSorted(),
    ).toEqual(WAITING.toSorted());
  });

  it('waits for nothing that the program takes by flag', () => {
    expect(OPTIONS.filter((option) => WAITING.includes(keyOf(option)))).toEqual([]);
    expect(optionsWithout([]).length).toBeGreaterThan(OPTIONS.length - 1);
  });
});

describe('docs/config.md', () => {
  const text = readFileSync('docs/config.md', 'utf8');

  it('has the example as it is checked', () => {
    expect(text).toContain(readFileSync('docs/volseed.yaml', 'utf8'));
  });

  it('names every key', () => {
    const { keys } = schemasOf(WAITING);
    expect(
      Object.values(keys)
        .flat()
        .filter((key) => !text.includes(`\`${key}\``)),
    ).toEqual([]);
  });
});
