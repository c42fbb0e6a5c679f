import { parseArgs } from 'node:util';
import { expect, test } from 'vitest';
import { tokensOf } from '../../src/config/tokens.ts';
import { firstNumber, Random } from '../support/random.ts';

const VALUES = ['source', 'lock-timeout'];
const FLAGS = ['flush', 'help'];
const WORDS = [
  '--source',
  '--source=x',
  '--source=',
  '--source=a=b',
  '--lock-timeout',
  '--flush',
  '--flush=no',
  '--no-flush',
  '--no-source',
  '--nothing',
  '--nothing=x',
  '--=x',
  '---',
  '-',
  '-h',
  '-hx',
  '-xh',
  '-x=1',
  '-5',
  '',
  'word',
  '/a/path',
  '--ümläut=ß',
];

test(`tells what parseArgs tells, whatever the arguments (VOLSEED_TEST_SEED=${firstNumber})`, () => {
  const random = new Random(firstNumber);
  const types = [
    ...VALUES.map((name) => [name, { type: 'string' }] as const),
    ...FLAGS.map((name) => [name, name === 'help' ? { type: 'boolean', short: 'h' } : { type: 'boolean' }] as const),
  ];
  for (let round = 0; round < 2000; round++) {
    const args = Array.from({ length: random.below(6) }, () => random.pick(WORDS));
    const { tokens } = parseArgs({ args, options: Object.fromEntries(types), strict: false, tokens: true });
    const expected = tokens.map((token) => {
      if (token.kind !== 'option')
        return token.kind === 'positional' ? { kind: token.kind, value: token.value } : token;
      const { kind, name, rawName, value, inlineValue } = token;
      return { kind, name, rawName, value, inlineValue };
    });
    const found = [...tokensOf(args, (name) => VALUES.includes(name), { h: 'help' })];
    expect({ args, found }).toEqual({ args, found: expected });
  }
});
