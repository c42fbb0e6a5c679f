// Real content, made hostile: cut, flipped, spliced, and with the words in it replaced by worse ones.
import { Random } from '../random.ts';

const WORSE = [
  '../../outside/f0',
  '/outside',
  '..',
  '.',
  '',
  '\0',
  '-1',
  '1e999',
  '9007199254740993',
  'null',
  '[]',
  '{"a":',
  '\u{1b}[2J',
  '__proto__',
];

export function mutate(bytes: Uint8Array, random: Random): Buffer<ArrayBuffer> {
  let mutated = Buffer.from(bytes);
  for (let times = 1 + random.below(3); times > 0; times--) mutated = mutateOnce(mutated, random);
  return mutated;
}

function mutateOnce(bytes: Buffer<ArrayBuffer>, random: Random): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.below(64));
  switch (random.below(8)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.alloc(end - at, random.pick([0, 0xff, 0x2f])),
        bytes.subarray(end),
      ]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(WORSE)), bytes.subarray(end)]);
    case 5:
      return replaceWord(bytes, random);
    default:
      return flip(bytes, at, random);
  }
}

function flip(bytes: Buffer<ArrayBuffer>, at: number, random: Random): Buffer<ArrayBuffer> {
  const flipped = Buffer.from(bytes);
  if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
  return flipped;
}

/** One of the names, numbers or texts in it, so that what is around it stays as it should be. */
function replaceWord(bytes: Buffer<ArrayBuffer>, random: Random): Buffer<ArrayBuffer> {
  const words = [...bytes.toString('latin1').matchAll(/[A-Za-z0-9._/-]{2,}/g)];
  if (words.length === 0) return bytes;
  const { 0: word, index } = random.pick(words);
  return Buffer.concat([
    bytes.subarray(0, index),
    Buffer.from(random.pick(WORSE)),
    bytes.subarray(index + word.length),
  ]);
}
