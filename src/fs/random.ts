/** Random bytes as the kernel has them: loading node:crypto costs 6 ms, which is a fifth of a start with nothing to do. */
import fs from 'node:fs';

/** Bytes that are read at a time: a start needs some fifty. */
const POOL = 256;
let pool: Buffer = Buffer.alloc(0);

/** So many random bytes, in hex: good for names that nobody can guess. No byte is given out twice. */
export function randomHex(bytes: number): string {
  if (pool.length < bytes) pool = fresh(Math.max(bytes, POOL));
  const taken = pool.toString('hex', 0, bytes);
  pool = pool.subarray(bytes);
  return taken;
}

function fresh(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return fromKernel(buffer) ? buffer : process.getBuiltinModule('node:crypto').randomFillSync(buffer);
}

/** False where there is no such device: an image may have anything at its name. */
function fromKernel(buffer: Buffer): boolean {
  let descriptor: number;
  try {
    descriptor = fs.openSync('/dev/urandom', fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const isDevice = fs.fstatSync(descriptor).isCharacterDevice();
    return isDevice && fs.readSync(descriptor, buffer, 0, buffer.length, null) === buffer.length;
  } finally {
    fs.closeSync(descriptor);
  }
}
