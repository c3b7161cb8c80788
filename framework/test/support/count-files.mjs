import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

/* Imports what its argument names, and prints the files that were loaded for it, as JSON. */
const hook = `
  let port;
  export function initialize(data) { port = data.port; }
  export async function load(url, context, next) {
    port.postMessage(url);
    return next(url, context);
  }`;

const { port1, port2 } = new MessageChannel();
const urls = [];
port1.on('message', (url) => urls.push(url));
const options = { parentURL: import.meta.url, data: { port: port2 }, transferList: [port2] };
register(`data:text/javascript,${encodeURIComponent(hook)}`, options);
await import(process.argv[2]);
// Messages of the hook's thread come in order: what was posted before this load has come when it has.
const last = 'data:text/javascript,//last';
await import(last);
while (!urls.includes(last)) await new Promise((resolve) => setImmediate(resolve));
port1.close();

const own = new Set([last, import.meta.url]);
const modules = urls.filter((url) => !url.startsWith('node:') && !own.has(url));
const required = Object.keys(createRequire(import.meta.url).cache).map((path) => `file://${path}`);
console.log(JSON.stringify([...new Set([...modules, ...required])]));
