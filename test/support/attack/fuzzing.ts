// What a volume's owner may have written into the files of the state, read by what reads them: an answer, never a fault.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { listBackups } from '../../../src/archive/backups.ts';
import { readIndex } from '../../../src/archive/read.ts';
import { parse } from '../../../src/config/document.ts';
import { VolseedError } from '../../../src/core/errors.ts';
import { isName } from '../../../src/core/path.ts';
import type { StateDirectory } from '../../../src/fs/private.ts';
import { readBase, readStanding } from '../../../src/state/base.ts';
import { readHistory } from '../../../src/state/history.ts';
import { readHolder } from '../../../src/state/holder.ts';
import { findReset, recordRuns } from '../../../src/state/store.ts';
import type { Random } from '../random.ts';
import { mutate } from './mutate.ts';

export interface Real {
  readonly state: StateDirectory;
  /** The path of the state directory, with a state, a base, a holder and a backup in it. */
  readonly at: string;
  /** Of the backup. */
  readonly id: string;
  readonly configuration: string;
}

type Target = (real: Real, random: Random) => void | Promise<void>;

const original = new Map<string, Buffer>();

/** What a file holds when it is first asked for; the same ever after, whatever has been written since. */
function contentOf(path: string): Buffer {
  const known = original.get(path) ?? fs.readFileSync(path);
  original.set(path, known);
  return known;
}

export const TARGETS: Readonly<Record<string, Target>> = {
  'state.db': ({ state, at }, random) => {
    fs.writeFileSync(`${at}/state.db`, mutate(contentOf(`${at}/state.db`), random));
    readHistory(state);
    findReset(state, 'some');
    recordRuns(state, [], false);
  },
  base: ({ state, at }, random) => {
    fs.writeFileSync(`${at}/base`, mutate(contentOf(`${at}/base`), random));
    readStanding(state);
    readBase(state);
  },
  'base, with its checksums in order': ({ state, at }, random) => {
    fs.writeFileSync(`${at}/base`, signed(contentOf(`${at}/base`), random));
    const standing = readStanding(state);
    const base = readBase(state);
    if (standing === undefined || base === undefined) throw new Error('the checksums are not in order');
    if (base === 'damaged') return;
    for (const [directory, entries] of base.directories())
      for (const name of [...(directory === '' ? [] : directory.split('/')), ...entries.keys()])
        if (!isName(name)) throw new Error(`a base with ${JSON.stringify(name)} in a path`);
  },
  'holder.json': ({ state, at }, random) => {
    fs.writeFileSync(`${at}/holder.json`, mutate(contentOf(`${at}/holder.json`), random));
    readHolder(state);
  },
  'the record of a backup': async ({ state, at, id }, random) => {
    fs.writeFileSync(`${at}/backups/${id}.json`, mutate(contentOf(`${at}/backups/${id}.json`), random));
    await readAll(state);
  },
  'a backup, with its checksum in order': async ({ state, at, id }, random) => {
    const tar = gunzipSync(contentOf(`${at}/backups/${id}.tar.gz`));
    const archive = gzipSync(mutate(tar, random), { level: 1 });
    const record = JSON.parse(contentOf(`${at}/backups/${id}.json`).toString()) as object;
    fs.writeFileSync(`${at}/backups/${id}.tar.gz`, archive);
    const written = { size: archive.length, sha256: createHash('sha256').update(archive).digest('hex') };
    fs.writeFileSync(`${at}/backups/${id}.json`, JSON.stringify({ ...record, archive: written }));
    await readAll(state);
  },
  'a configuration file': ({ configuration }, random) => {
    parse(mutate(Buffer.from(configuration), random).toString('utf8'));
  },
};

async function readAll(state: StateDirectory): Promise<void> {
  using directory = (state.constructor as typeof StateDirectory).lookAtBackups(state, undefined);
  if (directory === undefined) return;
  for (const backup of listBackups(directory)) {
    try {
      const { entries, absent } = await readIndex(() => directory.pieces(`${backup.id}.tar.gz`), backup);
      for (const path of [...entries.map((entry) => entry.path), ...absent])
        if (!path.split('/').every(isName)) throw new Error(`an archive with ${JSON.stringify(path)} in it`);
    } catch (error) {
      // An honest answer.
      if (!(error instanceof VolseedError)) throw error;
    }
  }
}

const sum = (part: Uint8Array): string => createHash('sha256').update(part).digest('hex');

/** As `writeBase` would have written it. */
function sumOf(header: Buffer): string {
  return crc32(header).toString(16).padStart(8, '0');
}

function signed(bytes: Buffer, random: Random): Buffer {
  const first = bytes.indexOf('\n');
  const second = bytes.indexOf('\n', first + 1);
  const [header, body] = [bytes.subarray(first + 1, second), mutate(bytes.subarray(second + 1), random)];
  return Buffer.concat([
    Buffer.from(`volseed-base 1 ${sumOf(header)} ${sum(body)}\n`),
    header,
    Buffer.from('\n'),
    body,
  ]);
}
