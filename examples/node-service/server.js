// Says hello in the languages that /data/greetings.json knows: read at every request, so that an edit is seen at once.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');

const file = `${process.env.DATA_DIR_PATH}/greetings.json`;

const server = createServer((request, response) => {
  const greetings = JSON.parse(readFileSync(file, 'utf8'));
  const greeting = greetings[request.url.slice(1)] ?? greetings.en;
  response.end(`${greeting}\n`);
});

server.listen(8080, () => console.log(`listening, pid ${process.pid}`));
process.on('SIGTERM', () => server.close());
