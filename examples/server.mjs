// A server that never ends by itself: the workflow cancels it when it is no longer needed.
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.end('hello');
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on port ${server.address().port}`);
  writeFileSync('server.port', String(server.address().port));
});
