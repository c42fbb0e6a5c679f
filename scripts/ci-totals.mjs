// node scripts/ci-totals.mjs REPORT.json...: names once more what failed, since the suites' own words are far above by
// then, adds up vitest's JSON reports and prints one line of totals, the last of standard output. Ends with 1 unless
// there were tests and every one passed.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const totals = process.argv.slice(2).map(ofReport).reduce(sum, none());
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.passed > 0 && totals.failed === 0 && totals.skipped === 0 ? 0 : 1;

/** A suite that left no report, or one without tests, did not run: that is a failure too. */
function ofReport(path) {
  try {
    const files = JSON.parse(readFileSync(path, 'utf8')).testResults;
    if (files.length === 0) throw new Error('no test ran');
    return files.map(ofFile).reduce(sum, none());
  } catch (error) {
    console.error(`${path}: ${error.message}`);
    return { ...none(), failed: 1 };
  }
}

/** A file that failed as a whole (it does not load, a hook threw) counts once, beside the tests that it kept from running. */
function ofFile({ name, status, message, assertionResults: tests }) {
  for (const test of tests.filter(({ status: end }) => end === 'failed')) {
    tell(`${basename(name)}: ${test.fullName}`, test.failureMessages.join('\n'));
  }
  const count = (state) => tests.filter((test) => test.status === state).length;
  const [passed, failed] = [count('passed'), count('failed')];
  const asWhole = status === 'failed' && failed === 0 ? 1 : 0;
  if (asWhole === 1) tell(`${basename(name)}, as a whole`, message ?? '');
  return { passed, failed: failed + asWhole, skipped: tests.length - passed - failed };
}

function tell(what, why) {
  const lines = stripVTControlCharacters(why).trimEnd().split('\n');
  const shown = lines.slice(0, 30).map((line) => `  ${line.slice(0, 500)}`);
  const more = lines.length > shown.length ? [`  … ${lines.length - shown.length} more lines above`] : [];
  console.log([`failed: ${what}`, ...shown, ...more, ''].join('\n'));
}

function none() {
  return { passed: 0, failed: 0, skipped: 0 };
}

function sum(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}
