import { describe, expect, it } from 'vitest';
import { isOlder } from '../../src/core/version.ts';

describe('the older of two versions', () => {
  it.each([
    ['1.9.3', '1.10.0'],
    ['1', '1.0.1'],
    ['v1.2.3', '1.2.4'],
    ['2025.12.31', '2026.1.1'],
    ['1.0.0-rc.1', '1.0.0'],
    ['1.0.0-rc.2', '1.0.0-rc.10'],
    ['1.0.0-rc', '1.0.0-rc.1'],
    ['1.0.0-alpha', '1.0.0-beta'],
    ['1.0.0-1', '1.0.0-alpha'],
  ])('is %s against %s', (older, newer) => {
    expect([isOlder(older, newer), isOlder(newer, older)]).toEqual([true, false]);
  });

  it.each([
    ['1.2.3', '1.2.3'],
    ['1.2', '1.2.0'],
    ['v3', '3'],
    ['1.0.0+build.7', '1.0.0+build.9'],
    ['1.0.0-rc.1', '1.0.0-rc.1'],
  ])('is neither of %s and %s', (a, b) => {
    expect([isOlder(a, b), isOlder(b, a)]).toEqual([false, false]);
  });

  it.each(['latest', 'sha-09ca8a5', '', '1.x', '09ca8a5f', '1..2'])('cannot be told where one is %j', (name) => {
    expect([isOlder(name, '1.0.0'), isOlder('1.0.0', name)]).toEqual([undefined, undefined]);
  });
});
