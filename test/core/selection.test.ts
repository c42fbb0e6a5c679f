import { describe, expect, it } from 'vitest';
import { ALL, isNamed, select, type Matcher, type Selected, type Selection } from '../../src/core/selection.ts';
import { path } from './entries.ts';

const only =
  (...paths: readonly string[]): Matcher =>
  (at) =>
    paths.includes(at);

describe('select', () => {
  it.each<[what: string, selection: Selection, parent: Selected, expected: Selected]>([
    ['everything without patterns', ALL, 'in', 'in'],
    ['what is included', { include: only('a/b'), exclude: undefined }, 'below', 'in'],
    ['all below what is included', { include: only('a'), exclude: undefined }, 'in', 'in'],
    ['of what is not included perhaps something below', { include: only('x'), exclude: undefined }, 'below', 'below'],
    ['nothing that is excluded', { include: undefined, exclude: only('a/b') }, 'in', 'out'],
    ['nothing that is excluded below what is included', { include: only('a'), exclude: only('a/b') }, 'in', 'out'],
    ['nothing that is both: exclude is stronger', { include: only('a/b'), exclude: only('a/b') }, 'below', 'out'],
  ])('selects %s', (_, selection, parent, expected) => {
    expect(select(selection, path('a/b'), parent)).toBe(expected);
  });
});

it.each<[include: Matcher | undefined, at: string, named: boolean]>([
  [undefined, 'a/b', true],
  [only('a/b'), 'a/b', true],
  [only('a'), 'a/b/c', true],
  [only('a/b'), 'a', false],
  [only('a/b'), 'a/c', false],
])('a path is named by itself or by a directory above it (%#)', (include, at, named) => {
  expect(isNamed(include, path(at))).toBe(named);
});
