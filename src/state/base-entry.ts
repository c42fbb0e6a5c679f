/** One path of the base, as it is written: flags, name, attributes, content, proofs, offer. */
import type { Based, Offer, Proof } from '../core/base.ts';
import { LEAVE, type Attributes } from '../core/entry.ts';
import { isName, type Name } from '../core/path.ts';
import type { Reader, Writer } from './packing.ts';

const KINDS = ['directory', 'file', 'link'] as const;
const HAS_CONTENT = 4;
const HAS_VOLUME = 8;
const HAS_SEED = 16;
const HAS_OFFER = 32;
const REPLACING = 64;
/** Bytes of mode, owner, group and time; and of a proof. */
const ATTRIBUTES = 24;
const PROOF = 16;

/** What is known of an entry besides what it is. */
interface Knowledge extends Pick<Based, 'volume' | 'seed' | 'offer' | 'replacing'> {
  /** A hash in hex, or where its bytes are; or a target. */
  readonly content: string | { readonly bytes: Uint8Array; readonly from: number };
}

export function encodeEntry(
  out: Writer,
  name: Name,
  entry: Pick<Based, 'kind' | keyof Attributes> & { readonly size?: number },
  { content, volume, seed, offer, replacing }: Knowledge,
): void {
  out.u8(
    KINDS.indexOf(entry.kind) +
      (content === '' ? 0 : HAS_CONTENT) +
      (volume === undefined ? 0 : HAS_VOLUME) +
      (seed === undefined ? 0 : HAS_SEED) +
      (offer === undefined ? 0 : HAS_OFFER) +
      (replacing === true ? REPLACING : 0),
  );
  out.text(name);
  out.u32(entry.mode);
  // LEAVE is -1: the one number that is no owner's.
  out.u32(entry.uid);
  out.u32(entry.gid);
  out.f64(entry.seconds);
  out.u32(entry.nanoseconds);
  if (entry.kind === 'file') out.f64(entry.size ?? 0);
  if (typeof content !== 'string') out.hash(content.bytes, content.from);
  else if (content !== '' && entry.kind === 'file') out.hex(content);
  else if (content !== '') out.text(content);
  for (const proof of [volume, seed]) {
    if (proof === undefined) continue;
    out.u64(proof.inode);
    out.i64(proof.changed);
  }
  if (offer !== undefined) {
    out.text(offer.kind);
    out.text(offer.content);
    out.text(offer.since);
  }
}

/** Throws where it is not what `encodeEntry` writes. */
export function decodeEntry(from: Reader): [Name, Based] {
  const flags = from.u8();
  const kind = KINDS[flags & 3];
  const name = from.text();
  if (kind === undefined || !isName(name)) throw new Error('no entry');
  const [mode, uid, gid] = [from.u32(), ownerFrom(from), ownerFrom(from)];
  const [seconds, nanoseconds] = [from.f64(), from.u32()];
  const size = kind === 'file' ? from.f64() : 0;
  let content = '';
  if ((flags & HAS_CONTENT) !== 0) content = kind === 'file' ? from.hex() : from.text();
  const proof = (flag: number): Proof | undefined =>
    (flags & flag) === 0 ? undefined : { inode: from.u64(), changed: from.i64() };
  const volume = proof(HAS_VOLUME);
  const seed = proof(HAS_SEED);
  const offer = (flags & HAS_OFFER) === 0 ? undefined : decodeOffer(from);
  const based = { kind, mode, uid, gid, seconds, nanoseconds, size, content, volume, seed, offer };
  return [name, (flags & REPLACING) === 0 ? based : { ...based, replacing: true }];
}

function ownerFrom(from: Reader): number {
  const id = from.u32();
  return id === 2 ** 32 - 1 ? LEAVE : id;
}

function decodeOffer(from: Reader): Offer {
  const kind = from.text();
  if (kind !== 'file' && kind !== 'link') throw new Error('no offer');
  return { kind, content: from.text(), since: from.text() };
}

/** Passes over an entry. @returns whether there is an offer beside it. Throws beyond the end. */
export function skipEntry(from: Reader): boolean {
  const flags = from.u8();
  from.skip(from.u32() + ATTRIBUTES);
  const isFile = KINDS[flags & 3] === 'file';
  if (isFile) from.skip(8);
  if ((flags & HAS_CONTENT) !== 0) from.skip(isFile ? 32 : from.u32());
  for (const flag of [HAS_VOLUME, HAS_SEED]) if ((flags & flag) !== 0) from.skip(PROOF);
  if ((flags & HAS_OFFER) === 0) return false;
  for (let texts = 3; texts > 0; texts--) from.skip(from.u32());
  return true;
}

/** As `skipEntry`; throws where `decodeEntry` would. */
export function checkEntry(from: Reader): boolean {
  const begin = from.at;
  const hasOffer = skipEntry(from);
  const end = from.at;
  from.at = begin;
  if ((from.u8() & 3) === 3 || !isName(from.text())) throw new Error('no entry');
  from.at = begin;
  if (hasOffer) decodeEntry(from);
  from.at = end;
  return hasOffer;
}

/** The name of the entry that begins at a place. */
export function nameAt(from: Reader, at: number): Name {
  from.at = at + 1;
  return from.text() as Name;
}

/** Whether that is a name, told without making one. */
export function isNameAt(body: Buffer, at: number, name: Name): boolean {
  const from = at + 5;
  if (body.readUInt32LE(at + 1) !== name.length) return false;
  // Names of one directory differ at their ends.
  for (let octet = name.length - 1; octet >= 0; octet--)
    if (body[from + octet] !== name.charCodeAt(octet)) return false;
  return true;
}
