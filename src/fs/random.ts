/** Random bytes as the kernel has them: loading node:crypto costs 6 ms, which is a fifth of a start with nothing to do. */
import fs from 'node:fs';

/** So many random bytes, in hex: good for names that nobody can guess. */
export function randomHex(bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  return (fromKernel(buffer) ? buffer : process.getBuiltinModule('node:crypto').randomFillSync(buffer)).toString('hex');
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
