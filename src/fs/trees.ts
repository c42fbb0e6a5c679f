/** The seeds and the volume, opened and checked: separate directories. Nothing is touched but a missing target made. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, explain, Refused, UsageError, VolumeError } from '../core/errors.ts';
import type { Directory, Entry, Witness } from '../core/entry.ts';
import type { Identity } from '../core/identity.ts';
import { displayText, fromText, ROOT, type RelPath } from '../core/path.ts';
import { count } from '../core/words.ts';
import { Anchor } from './anchor.ts';
import { hasProc } from './disk.ts';
import { lookAt } from './look.ts';
import { MANIFEST_NAME } from './manifest-file.ts';
import { seedAt } from './manifest-seed.ts';
import { OverlaySeed, type Part } from './overlay-seed.ts';
import { patiently } from './patience.ts';
import { OF_THE_FILE_SYSTEM, STATE_NAME } from './private.ts';
import { DirectorySeed, type Seed } from './seed.ts';

export interface Places {
  /** At least one; a later one is laid over those before it. */
  readonly seeds: readonly SeedPlace[];
  readonly target: string;
  /** The flag, variable or key that gave it. */
  readonly targetBy: string;
  readonly stateDir: string | undefined;
  readonly backup?: { readonly directory: string | undefined };
}

export interface SeedPlace {
  readonly source: string;
  readonly by: string;
  /** The directory of the target that it goes into. */
  readonly into: RelPath;
}

export interface Opened {
  /** All that is seeded. */
  readonly seed: Seed;
  /** What it is made of; closed with it. */
  readonly parts: readonly NamedPart[];
  /** Undefined only where it is missing and may not be made. */
  readonly volume: Anchor | undefined;
  /** The target did not exist: its root is ours, and gets the seed's attributes. */
  readonly made: boolean;
}

export interface NamedPart extends Part {
  /** As messages call it. */
  readonly named: string;
}

export type Warn = (message: string) => void;

/** @param warn told in one line why a manifest of a seed is not believed; where nobody is to be told, none is asked. */
export function openTrees(places: Places, mayMake: boolean, warn: Warn | undefined): Opened {
  const { seeds, target } = places;
  for (const place of seeds) checkSource(place.source, nameOfSeed(place));
  const exists = checkTarget(target, nameOfTarget(places));
  for (const place of seeds) checkSeparate(place, places);
  checkOwn(places, [target, ...seeds.map(({ source }) => source)]);
  const parts = seeds.map((place) => openPart(place, warn));
  const [only] = parts;
  const opened: Opened = {
    seed: only !== undefined && parts.length === 1 && only.into === ROOT ? only.seed : new OverlaySeed(parts),
    parts,
    volume: exists ? open(target, nameOfTarget(places)) : undefined,
    made: false,
  };
  return mayMake ? withVolume(opened, places) : opened;
}

/** Makes the target where it is missing. */
export function withVolume(opened: Opened, places: Pick<Places, 'target' | 'targetBy'>): Opened {
  if (opened.volume !== undefined) return opened;
  const named = nameOfTarget(places);
  makeTarget(places.target, named);
  return { ...opened, volume: open(places.target, named), made: true };
}

function openPart(place: SeedPlace, warn: Warn | undefined): NamedPart {
  const { source, into } = place;
  const named = nameOfSeed(place);
  let atMount: boolean | undefined;
  return {
    seed: openSeed(source, named, warn),
    into,
    named,
    passedOver: (name) =>
      name === STATE_NAME ||
      name === (MANIFEST_NAME as string) ||
      (OF_THE_FILE_SYSTEM.has(name) && (atMount ??= isMountPoint(source))),
  };
}

/**
 * A seed, by its manifest where it has one that can be believed.
 * @param named what it is called in a sentence.
 */
export function openSeed(source: string, named: string, warn: Warn | undefined): Seed {
  const anchor = open(configMapRoot(source), named);
  if (warn === undefined) return new DirectorySeed(anchor);
  return seedAt(anchor, (why) =>
    warn(
      `the manifest of ${named} ${why}; the seed is walked instead; ` +
        'run volseed manifest again, as the last step on the seed where the image is built',
    ),
  );
}

/** The directory of a seed itself, for its manifest. Throws `UsageError` where there is none. */
export function openSource(place: Pick<SeedPlace, 'source' | 'by'>): Anchor {
  const named = nameOfSeed(place);
  checkSource(place.source, named);
  return open(configMapRoot(place.source), named);
}

function nameOfSeed({ source, by }: Pick<SeedPlace, 'source' | 'by'>): string {
  return `source ${displayText(source)} (${by})`;
}

function nameOfTarget({ target, targetBy }: Pick<Places, 'target' | 'targetBy'>): string {
  return `target ${displayText(target)} (${targetBy})`;
}

/** The volume alone, for what needs no seed. Throws `UsageError` where there is none. */
export function openVolume(places: Omit<Places, 'seeds'>): Anchor {
  const { target } = places;
  const named = nameOfTarget(places);
  if (!checkTarget(target, named)) throw new UsageError(`${named} does not exist; name the volume's directory`);
  checkOwn(places, [target]);
  return open(target, named);
}

export function isReadOnly(volume: Anchor): boolean {
  try {
    fs.accessSync(volume.path, fs.constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

export function readOnly(target: string, changes: number): VolumeError {
  const what = `${count(changes, 'path')} would have to be written`;
  return new VolumeError(
    `target ${displayText(target)} is on a read-only file system, and ${what}; mount it read-write for one seeding`,
  );
}

/** A root without /proc could be diverted by whoever may write to the volume (DESIGN §6). */
export function refuseWithoutProc(volume: Anchor, self: Identity): void {
  if (hasProc || self.uid !== 0) return;
  const { uid, mode } = fs.statSync(volume.root);
  if (uid !== 0 || (mode & 0o022) !== 0) {
    throw new Refused(
      `there is no /proc, and others may write to ${displayText(volume.root)}: mount /proc, or run as the volume's owner`,
    );
  }
}

/** @param entry what the volume has at the path, where that is known. */
export type PassedOver = (path: RelPath, entry?: Entry) => boolean;

/**
 * What is not data: volseed's own, and what file systems put at the root of a mount. State and backups of the operator's choice are
 * recognised by whatever name they are given: by their place, and where that says nothing (a part of the volume that is mounted
 * elsewhere, too), by what they are.
 */
export function passedOver({
  seeds,
  target,
  stateDir,
  backup,
}: Pick<Places, 'seeds' | 'target' | 'stateDir' | 'backup'>): PassedOver {
  const roots = [...seeds.filter(({ into }) => into === ROOT).map(({ source }) => source), target];
  const ours = new Set<string>([STATE_NAME, MANIFEST_NAME]);
  const chosen = [stateDir, backup?.directory].filter((directory) => directory !== undefined);
  for (const directory of chosen) for (const path of placesIn(target, directory)) ours.add(fromText(path));
  const identities = new Set(chosen.map(identityOf).filter((identity) => identity !== undefined));
  // Asked of every path, most of which are longer: to look one up in a set would cost more than all else that is done with it.
  const longest = Math.max(...[...ours, ...OF_THE_FILE_SYSTEM].map(({ length }) => length));
  let atMounts: boolean | undefined;
  return (path, entry) => {
    if (entry?.kind === 'directory' && identities.size > 0 && identities.has(shownOf(entry.witness))) return true;
    if (path.length > longest) return false;
    if (ours.has(path)) return true;
    if (!OF_THE_FILE_SYSTEM.has(path)) return false;
    return (atMounts ??= roots.some(isMountPoint));
  };
}

/** Where a directory is in the volume, by the names that it is called by and by those that these lead to; nowhere, mostly. */
function placesIn(target: string, directory: string): string[] {
  const places = directory.startsWith(`${target}/`) ? [directory.slice(target.length + 1)] : [];
  const root = identityOf(target);
  if (root === undefined) return places;
  const real = realOf(directory);
  for (let at = dirname(real); at !== '/'; at = dirname(at))
    if (identityOf(at) === root) places.push(real.slice(at.length + 1));
  return places;
}

/** Without the links in it, as far as it exists. */
function realOf(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    if (path === '/') return path;
    const above = realOf(dirname(path));
    return `${above === '/' ? '' : above}${path.slice(path.lastIndexOf('/'))}`;
  }
}

/** Undefined where there is nothing, or nothing that may be looked at. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = fs.statSync(path, { bigint: true });
    return shownOf({ device: dev, inode: ino });
  } catch {
    return undefined;
  }
}

function shownOf({ device, inode }: Pick<Witness, 'device' | 'inode'>): string {
  return `${device}:${inode}`;
}

/** What the volume's root may become like; undefined where there is nothing to compare, or no seed goes into the root. */
export function rootsOf({
  seed,
  volume,
}: Pick<Opened, 'seed' | 'volume'>): { seed: Directory; volume: Directory } | undefined {
  if (volume === undefined || seed.root.implied === true) return undefined;
  return { seed: seed.root, volume: lookAt(volume.descriptorOfRoot) as Directory };
}

function checkSource(source: string, named: string): void {
  const stat = statOf(source, named);
  if (stat === undefined) throw new UsageError(`${named} does not exist; name the directory that holds the seed`);
  if (!stat.isDirectory()) throw new UsageError(`${named} is not a directory; an archive cannot be a seed yet`);
}

function checkTarget(target: string, named: string): boolean {
  const stat = statOf(target, named);
  if (stat?.isDirectory() === false) throw new UsageError(`${named} is not a directory; name the volume's directory`);
  if (stat === undefined && statOf(dirname(target), named)?.isDirectory() !== true) {
    throw new UsageError(
      `${named} does not exist, nor does the directory it would be in; mount the volume, or mend the path`,
    );
  }
  return stat !== undefined;
}

function statOf(path: string, named: string): fs.Stats | undefined {
  try {
    return patiently(() => fs.statSync(path, { throwIfNoEntry: false }));
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw new UsageError(`${named} cannot be looked at: ${explain(error)}`, { cause: error });
  }
}

/** Not one inside the other, nor the same, by whatever names: every directory above each is compared with the other. */
function checkSeparate(place: SeedPlace, places: Pick<Places, 'target' | 'targetBy'>): void {
  const [one, other] = [chain(place.source), chain(places.target)];
  const shown = [nameOfSeed(place), nameOfTarget(places)] as const;
  if (one[0] === other[0]) throw new UsageError(`${shown[0]} and ${shown[1]} are the same directory; name two`);
  if (one.includes(other[0] ?? ''))
    throw new UsageError(`${shown[0]} lies inside ${shown[1]}; name two separate directories`);
  if (other.includes(one[0] ?? ''))
    throw new UsageError(`${shown[1]} lies inside ${shown[0]}; name two separate directories`);
}

/** State and backups lie in a directory that is closed to all others: never one that holds data. */
function checkOwn({ stateDir, backup }: Pick<Places, 'stateDir' | 'backup'>, data: readonly string[]): void {
  for (const [named, directory] of [
    ['the state directory', stateDir],
    ['the backup directory', backup?.directory],
  ] as const) {
    const identity = directory === undefined ? undefined : identityOf(directory);
    if (directory === undefined || identity === undefined) continue;
    const held = data.find((path) => chain(path).includes(identity));
    if (held !== undefined)
      throw new UsageError(
        `${named} ${displayText(directory)} is, or holds, ${displayText(held)}; name a directory of its own, which nobody else may enter`,
      );
  }
}

/** Device and inode of a directory and of all above it, nearest first; one that does not exist has a place all the same. */
function chain(path: string): string[] {
  if (!fs.existsSync(path)) return ['missing', ...chain(dirname(path))];
  const identities: string[] = [];
  for (let at = fs.realpathSync(path); ; at = dirname(at)) {
    const { dev, ino } = fs.statSync(at, { bigint: true });
    identities.push(shownOf({ device: dev, inode: ino }));
    if (at === '/') return identities;
  }
}

/** As rsync does: the last directory of the path, not those above it, which would hide a mount that is not there. */
function makeTarget(target: string, named: string): void {
  try {
    fs.mkdirSync(target, 0o755);
  } catch (error) {
    throw new VolumeError(`${named} cannot be made: ${explain(error)}`, { cause: error });
  }
}

function open(path: string, named: string): Anchor {
  try {
    return Anchor.open(path);
  } catch (error) {
    throw new UsageError(`${named} cannot be opened: ${explain(error)}`, { cause: error });
  }
}

/** A ConfigMap or Secret as a seed: its entries are links to `..data/NAME`, and what they mean lies there. */
function configMapRoot(source: string): string {
  const data = `${source}/..data`;
  return fs.lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink() === true ? `${data}/` : source;
}

export function isMountPoint(path: string): boolean {
  const [self, parent] = [
    fs.statSync(path, { throwIfNoEntry: false }),
    fs.statSync(`${path}/..`, { throwIfNoEntry: false }),
  ];
  return self !== undefined && parent !== undefined && (self.dev !== parent.dev || self.ino === parent.ino);
}
