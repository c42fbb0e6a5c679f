// dist/LICENSES.txt: the licence of volseed and those of the packages that the bundle holds a part of.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** @param inputs the files that the bundle was made of, relative to the project's root. */
export function writeLicences(inputs: readonly string[]): void {
  const packages = [...new Set(inputs.flatMap(packageOf))].toSorted();
  const parts = [part('volseed', '.'), ...packages.map((directory) => part(nameOf(directory), directory))];
  writeFileSync('dist/LICENSES.txt', parts.join('\n'));
}

/** The directory of the package that a file belongs to; nothing for a source file of our own. */
function packageOf(file: string): string[] {
  const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
  return found === undefined ? [] : [found];
}

function nameOf(directory: string): string {
  const { name, version, license } = manifestOf(directory);
  return `${name} ${version} (${license})`;
}

function manifestOf(directory: string): { name: string; version: string; license: string } {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what npm demands of every package
  return JSON.parse(readFileSync(`${directory}/package.json`, 'utf8')) as {
    name: string;
    version: string;
    license: string;
  };
}

function part(title: string, directory: string): string {
  const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)\b/i.test(name));
  if (file === undefined) throw new Error(`${title} has no licence text`);
  return `==== ${title}\n\n${readFileSync(`${directory}/${file}`, 'utf8').trim()}\n`;
}
