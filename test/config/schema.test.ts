import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyOf, NOT_IN_FILE, OPTIONS } from '../../src/config/options.ts';
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

  it('has a key for every option but those that are not for the file, and no other', () => {
    const named = OPTIONS.filter(({ section }) => section === undefined)
      .map(keyOf)
      .filter((key) => !NOT_IN_FILE.includes(key));
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
  it('knows what every value of the table is', () => {
    expect(schemasOf().keys.top.length).toBeGreaterThan(20);
  });
});

describe('docs/config.md', () => {
  const text = readFileSync('docs/config.md', 'utf8');

  it('has the example as it is checked', () => {
    expect(text).toContain(readFileSync('docs/volseed.yaml', 'utf8'));
  });

  it('names every key', () => {
    const { keys } = schemasOf();
    expect(
      Object.values(keys)
        .flat()
        .filter((key) => !text.includes(`\`${key}\``)),
    ).toEqual([]);
  });
});
