import { OpenAPIHono } from '@hono/zod-openapi';
import type { Bindings, Endpoint } from './endpoint.ts';
import { describeApi, registerEndpoint } from './openapi-document.ts';
import { errorResponse } from './respond.ts';
import { serveEndpoint } from './serve-endpoint.ts';
import type { Serving } from './serve-endpoint.ts';

export type App = OpenAPIHono<{ Bindings: Bindings }>;

/** The routes, and an answer to every request that meets none of them. */
export function createApp(endpoints: readonly Endpoint[], serving: Serving, version: string): App {
  const app: App = new OpenAPIHono({ strict: true });
  for (const endpoint of endpoints) {
    registerEndpoint(app.openAPIRegistry, endpoint);
    app.on(endpoint.method.toUpperCase(), pattern(endpoint.path), serveEndpoint(endpoint, serving));
  }
  let document: string | null = null;
  app.get('/v1/openapi.json', () => {
    document ??= JSON.stringify(describeApi(app, version));
    return new Response(document, { headers: { 'Content-Type': 'application/json; charset=utf-8' } });
  });
  for (const [path, methods] of methodsOf(endpoints))
    app.all(pattern(path), ({ req }) => {
      const message = `${req.method} is not for ${req.path}; ${methods} is`;
      return errorResponse({ code: 'invalid', reason: null, message, detail: { methods } }, serving.requestId(), {
        status: 405,
        headers: { Allow: methods },
      });
    });
  app.notFound(({ req }) => {
    const message = `there is nothing at ${req.path}; GET /v1/openapi.json lists what there is`;
    return errorResponse({ code: 'not_found', reason: null, message, detail: null }, serving.requestId());
  });
  app.onError((error) => {
    const requestId = serving.requestId();
    serving.log.error('a request failed', { requestId, error: error.stack ?? error.message });
    const message = `the server failed at this request; its diagnostic log says more, under ${requestId}`;
    return errorResponse({ code: 'internal', reason: null, message, detail: null }, requestId);
  });
  return app;
}

function pattern(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function methodsOf(endpoints: readonly Endpoint[]): Map<string, string> {
  const methods = new Map<string, string>();
  for (const { path, method } of endpoints) {
    const upper = method.toUpperCase();
    const known = methods.get(path);
    methods.set(path, known === undefined ? upper : `${known}, ${upper}`);
  }
  return methods;
}
