/** What a thread that searches is started with, bundled into a file of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LineHit, type LineQuery, LineSearch } from './line-search.ts';

/** Bytes of a log in order, `end` behind the last; each is answered with the hits in it. */
export type ToSearchThread = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'end' };
export type FromSearchThread = readonly LineHit[];

const port = parentPort;
let search = new LineSearch(workerData as LineQuery);
port?.on('message', (message: ToSearchThread) => {
  if (message.kind === 'bytes') {
    port.postMessage(search.push(message.bytes) satisfies FromSearchThread);
    return;
  }
  port.postMessage(search.end() satisfies FromSearchThread);
  search = new LineSearch(workerData as LineQuery);
});
