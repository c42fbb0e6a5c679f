import { describe, expect, it } from 'vitest';
import { expand } from '../../src/config/variables.ts';

const environment = { DATA: '/data', SITE: 'north', EMPTY: '', TRICKY: '${DATA}$$', _x1: 'y' };

describe('a path', () => {
  it.each([
    ['/data', '/data'],
    ['', ''],
    ['${DATA}', '/data'],
    ['${DATA}/${SITE}/x', '/data/north/x'],
    ['${_x1}', 'y'],
    ['${NONE:-/srv}', '/srv'],
    ['${NONE:-}/x', '/x'],
    ['${EMPTY:-/srv}', '/srv'],
    ['${DATA:-/srv}', '/data'],
    ['$$', '$'],
    ['$${DATA}', '${DATA}'],
    ['$$$$', '$$'],
    ['a$$b', 'a$b'],
    ['${NONE:-a b:-c}', 'a b:-c'],
  ])('%s becomes %s', (text, value) => {
    expect(expand(text, environment)).toEqual({ value });
  });

  it('takes what a variable holds as it is', () => {
    expect(expand('${TRICKY}', environment)).toEqual({ value: '${DATA}$$' });
  });

  it.each([
    ['${NONE}', 'the variable NONE is not set; set it, or write ${NONE:-default}'],
    ['${EMPTY}', 'the variable EMPTY is not set'],
    ['${DATA}/${NONE}/${OTHER}', 'the variable NONE is not set'],
    ['$DATA', 'write ${NAME}'],
    ['a$', '$$ for the sign itself'],
    ['${DATA', 'write ${NAME}'],
    ['${1A}', 'write ${NAME}'],
    ['${}', 'write ${NAME}'],
    ['${DATA-x}', '${NAME:-default}'],
    ['${DATA:?x}', '${NAME:-default}'],
    ['${NONE:-${DATA}}', 'write ${NAME}'],
    ['${ DATA }', 'write ${NAME}'],
  ])('%s is none, and the way out is said', (text, message) => {
    expect(expand(text, environment)).toEqual({ mistake: expect.stringContaining(message) });
  });

  it('takes no name that every object has for a variable', () => {
    expect(expand('${constructor}', environment)).toMatchObject({ mistake: expect.stringContaining('constructor') });
  });
});
