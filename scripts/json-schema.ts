// docs/volseed.schema.json: the schema of the configuration file, for editors. --print: on standard output, written nowhere.
import { toJsonSchema } from '@valibot/to-json-schema';
import { writeFileSync } from 'node:fs';
import { schemasOf } from '../src/config/schema.ts';

const schema = {
  ...toJsonSchema(schemasOf().whole, { target: 'draft-07' }),
  title: 'volseed.yaml',
  description: 'The configuration of volseed, which seeds persisted volumes from container images.',
};
const text = `${JSON.stringify(schema, null, 2)}\n`;
if (process.argv.includes('--print')) process.stdout.write(text);
else writeFileSync('docs/volseed.schema.json', text);
