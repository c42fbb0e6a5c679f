import { describe, expect, it } from 'vitest';
import { COMMANDS, OPTIONS, optionsOf, variableOf, type Command } from '../../src/config/options.ts';

describe('the table of options', () => {
  it('has every name once, in lower case', () => {
    const names = OPTIONS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^[a-z]+(-[a-z]+)*$/.test(name))).toEqual([]);
  });

  it('has no name that could be taken for the negation of another', () => {
    expect(OPTIONS.filter(({ name }) => name.startsWith('no-') || name === 'help')).toEqual([]);
  });

  it('says of each what it does, what stands for its value, and what it is by default', () => {
    const lacking = OPTIONS.filter(
      ({ describe: text, fallback, kind, value }) =>
        text === '' || fallback === '' || (kind === 'flag') !== (value === undefined),
    );
    expect(lacking).toEqual([]);
  });

  it('has choices of which the default is one', () => {
    const wrong = OPTIONS.filter(({ choices, fallback }) => choices !== undefined && !choices.includes(fallback));
    expect(wrong).toEqual([]);
  });

  it('gives every option to a command that there is', () => {
    expect(OPTIONS.filter(({ commands }) => commands.length === 0)).toEqual([]);
    const commands = Object.keys(COMMANDS) as Command[];
    expect(OPTIONS.flatMap(({ commands: own }) => own).filter((command) => !commands.includes(command))).toEqual([]);
    for (const command of commands.filter((each) => each !== 'manifest'))
      expect(optionsOf(command).map(({ name }) => name)).toContain('target');
  });

  it.each([
    ['source', 'VOLSEED_SOURCE'],
    ['lock-timeout', 'VOLSEED_LOCK_TIMEOUT'],
    ['on-failure', 'VOLSEED_ON_FAILURE'],
  ])('reads --%s from %s', (name, variable) => {
    const option = OPTIONS.find((each) => each.name === name);
    expect(option && variableOf(option)).toBe(variable);
  });
});
