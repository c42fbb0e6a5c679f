import { expect, it } from 'vitest';
import { makingName, onTrouble, patiently, removingOwn } from '../../src/fs/patience.ts';

const refusal = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'open' });

/** Fails so often, each time with the next of the codes, and then gives 'done'. */
function failing(...codes: string[]): () => string {
  return () => {
    const code = codes.shift();
    if (code !== undefined) throw refusal(code);
    return 'done';
  };
}

it('repeats what may pass, and tells of each repetition', () => {
  const told: string[] = [];
  onTrouble((code, call) => told.push(`${code} ${call}`));
  expect(patiently(failing('ESTALE', 'EBUSY', 'EAGAIN'))).toBe('done');
  expect(told).toEqual(['ESTALE open', 'EBUSY open', 'EAGAIN open']);
});

it('throws at once what does not pass, and after a bound what could have', () => {
  expect(() => patiently(failing('EIO'))).toThrow('EIO');
  let tries = 0;
  const stays = (): never => {
    tries++;
    throw refusal('ETIMEDOUT');
  };
  // Whoever tries a whole again of which a part was tried long enough does not multiply the pauses.
  expect(() => patiently(() => patiently(stays))).toThrow('ETIMEDOUT');
  expect(tries).toBeGreaterThan(1);
  expect(tries).toBeLessThanOrEqual(7);
});

it('takes a name that a repetition finds for nobody knows whose', async () => {
  await new Promise(setImmediate);
  const make = failing('EEXIST');
  expect(() => makingName(make, refusal('ETIMEDOUT'))).toThrow('ETIMEDOUT');
  expect(() => makingName(failing(), refusal('EEXIST'))).toThrow('EEXIST');
});

it('takes what a repetition does not find for removed, and says so of a first try', async () => {
  await new Promise(setImmediate);
  expect(() => removingOwn(failing('ETIMEDOUT', 'ENOENT'))).not.toThrow();
  expect(() => removingOwn(failing('ENOENT'))).toThrow('ENOENT');
});
