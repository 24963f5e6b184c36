import { z } from 'zod';
import type { App } from './app.ts';
import type { Endpoint } from './endpoint.ts';

type Registry = App['openAPIRegistry'];

const MEDIA = {
  json: 'application/json',
  text: 'text/plain',
  ndjson: 'application/x-ndjson',
  events: 'text/event-stream',
};

export const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.enum(['invalid', 'unauthorized', 'not_found', 'conflict', 'unavailable', 'internal']),
    reason: z.string().nullable(),
    message: z.string().describe('One sentence that names the thing and the way out.'),
    detail: z.record(z.string(), z.unknown()).nullable(),
  }),
});

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'Not as expected.',
  401: 'No token, or none that counts.',
  403: 'A token that may not do this.',
  404: 'There is no such thing.',
  405: 'Another method is meant.',
  409: 'The state of the thing does not allow it.',
  413: 'Too large.',
  415: 'A body of another type is expected.',
  416: 'Another offset is expected.',
  429: 'Too often.',
  503: 'Not now.',
  507: 'No room.',
};

/** OpenAPI 3.1, made from the schemas that the routes check with. */
export function describeApi(app: App, version: string): object {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'pcl_u_… of people and programs, pcl_r_… for the registration of a runner, pcl_s_… of an agent.',
  });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Paceline',
      version,
      description: 'Control server of Paceline. Errors are typed; durations are in milliseconds.',
    },
  });
}

export function registerEndpoint(registry: Registry, endpoint: Endpoint): void {
  const { method, path, summary, access, params, query, body, reply } = endpoint;
  registry.registerPath({
    method,
    path,
    summary,
    ...(access.kind === 'open' ? {} : { security: [{ bearer: access.kind === 'scope' ? [access.scope] : [] }] }),
    request: {
      ...(params ? { params: params as z.ZodObject } : {}),
      ...(query ? { query: query as z.ZodObject } : {}),
      ...(body
        ? {
            body: {
              required: body.kind === 'bytes' || body.optional !== true,
              content:
                body.kind === 'json'
                  ? { 'application/json': { schema: body.schema } }
                  : { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
            },
          }
        : {}),
    },
    responses: {
      [reply.status]: {
        description: 'Done.',
        ...(reply.kind === 'none' ? {} : { content: { [MEDIA[reply.kind]]: { schema: reply.schema ?? z.string() } } }),
      },
      ...Object.fromEntries(statusesOf(endpoint).map((status) => [status, errorReply(status)])),
    },
  });
}

/** What a route may answer beside its success. */
export function statusesOf({ access, body, errors }: Endpoint): number[] {
  const statuses = new Set([400, 429, 503, ...errors]);
  if (access.kind !== 'open') for (const status of [401, 403]) statuses.add(status);
  if (body) for (const status of [413, 415]) statuses.add(status);
  return [...statuses].sort((a, b) => a - b);
}

function errorReply(status: number): {
  description: string;
  content: { 'application/json': { schema: typeof errorSchema } };
} {
  return {
    description: MEANINGS[status] ?? 'An error.',
    content: { 'application/json': { schema: errorSchema } },
  };
}
