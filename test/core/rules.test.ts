import { describe, expect, it } from 'vitest';
import { ROOT } from '../../src/core/path.ts';
import type { PathRule } from '../../src/core/rulebook.ts';
import { ruleOf } from '../../src/core/rules.ts';
import { path } from './entries.ts';

const book = (...rules: readonly (readonly [match: readonly string[], sets: PathRule])[]) =>
  ruleOf(rules.map(([match, sets]) => ({ matches: (at) => match.includes(at), sets })));

describe('rules', () => {
  it('say nothing of a path that none of them matches', () => {
    expect(book([['a'], { policy: 'never' }])(path('b'))).toEqual({});
    expect(book()(path('b'))).toEqual({});
  });

  it('say of everything below a directory what they say of the directory', () => {
    const at = book([['a'], { policy: 'always' }]);
    for (const below of ['a', 'a/b', 'a/b/c']) expect(at(path(below))).toEqual({ policy: 'always' });
    for (const beside of ['ab', 'b', 'b/a']) expect(at(path(beside))).toEqual({});
  });

  it('decide by the last that matches, wherever it matches', () => {
    const inner = book([['a'], { policy: 'always' }], [['a/b'], { policy: 'never' }]);
    expect([inner(path('a/c')), inner(path('a/b')), inner(path('a/b/c'))]).toEqual([
      { policy: 'always' },
      { policy: 'never' },
      { policy: 'never' },
    ]);
    const outer = book([['a/b'], { policy: 'never' }], [['a'], { policy: 'always' }]);
    expect(outer(path('a/b/c'))).toEqual({ policy: 'always' });
  });

  it('decide option by option: a later rule that does not set one leaves it to an earlier', () => {
    const owner = { uid: 1, gid: undefined };
    const at = book(
      [['a'], { policy: 'always', by: 'first' }],
      [['a/b'], { owner }],
      [['a/b/c'], { policy: 'missing', by: 'third' }],
    );
    expect(at(path('a/b'))).toEqual({ policy: 'always', by: 'first', owner });
    expect(at(path('a/b/c'))).toEqual({ policy: 'missing', by: 'third', owner });
  });

  it('give one answer whatever was asked before', () => {
    const rules = [
      [['a', 'b/x'], { policy: 'always' }],
      [['a/b', 'b'], { policy: 'never' }],
    ] as const;
    const paths = ['a/b/c', 'a', 'b/x/y', 'a/b', 'b', 'c', 'a/d/e/f', 'b/x', 'a'].map(path);
    const asked = book(...rules);
    expect(paths.map((each) => asked(each))).toEqual(paths.map((each) => book(...rules)(each)));
  });

  it('do not speak of the root', () => {
    expect(book([[''], { policy: 'never' }])(ROOT)).toEqual({});
    expect(book([[''], { policy: 'never' }])(path('a'))).toEqual({});
  });

  it('ask each glob once for a directory, however many paths are in it', () => {
    let asked = 0;
    const at = ruleOf([{ matches: (each) => each === 'a' && ++asked > 0, sets: {} }]);
    for (let n = 0; n < 100; n++) at(path(`a/${n}`));
    expect(asked).toBe(1);
  });
});
