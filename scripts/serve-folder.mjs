// Serves the files of a folder on a free port of this machine and writes the address to a file: a background service
// for workflows of ours. usage: serve-folder.mjs FOLDER ADDRESS_FILE
import { createServer } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';

const [folder, addressFile] = process.argv.slice(2);
const server = createServer(async (request, response) => {
  // `normalize` on an absolute path cannot climb above it.
  const path = normalize(new URL(request.url, 'http://local').pathname);
  try {
    response.end(await readFile(join(folder, path)));
    console.log(`200 ${path}`);
  } catch {
    response.writeHead(404).end(`no file ${path}\n`);
    console.log(`404 ${path}`);
  }
});
server.listen(0, '127.0.0.1', () => writeFile(addressFile, `http://127.0.0.1:${server.address().port}`));
