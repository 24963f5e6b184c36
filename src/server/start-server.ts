import type { RunningServer, ServerOptions } from './running-server.ts';

/** Opens everything a server is made of, and listens. */
export function startServer(options: ServerOptions): Promise<RunningServer> {
  return Promise.reject(new Error(`no server in ${options.dataDirectory}`));
}
