import { leave, main } from './src/cli/main.ts';

// What the runtime has to say about its own features (execve, sqlite) is nothing to the reader of a service's stderr.
process.removeAllListeners('warning');
// Whatever descriptor or timer of no more use is left must not keep volseed; nothing waits in Node's own streams.
void main(process.argv.slice(2), process.env).then(leave);
