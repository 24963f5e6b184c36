/** The document against the routes. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTestApi } from '../../support/test-api.ts';
import type { TestApi } from '../../support/test-api.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly summary: string;
        readonly security?: readonly { readonly bearer: readonly string[] }[];
        readonly parameters?: readonly { readonly name: string; readonly in: string }[];
        readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
      }
    >
  >;
}

let api: TestApi;
let document: Document;
beforeAll(async () => {
  api = await openTestApi();
  document = (await (await api.fetch('/v1/openapi.json', { token: null })).json()) as Document;
});
afterAll(() => api.stop());

describe('the OpenAPI document', () => {
  it('is of version 3.1 and has every route that is answered, and no other', () => {
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const served = api.app.routes
      .filter(({ method, path }) => method !== 'ALL' && path !== '/v1/openapi.json')
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(described.sort()).toEqual(served.sort());
    expect(described.length).toBeGreaterThan(35);
  });

  it('names every parameter of a path, a scope where one is needed, and what an error looks like', () => {
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, route] of Object.entries(methods)) {
        const named = (route.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        expect({ path, named }).toEqual({ path, named: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name) });
        const { access } = api.endpoints.find((one) => one.path === path && one.method === method)!;
        const wanted = access.kind === 'open' ? undefined : [{ bearer: access.kind === 'scope' ? [access.scope] : [] }];
        expect(route.security).toEqual(wanted);
        expect(route.responses['400']?.content?.['application/json']?.schema).toMatchObject({ required: ['error'] });
      }
  });

  it('has schemas that a validator of JSON Schema takes', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    for (const methods of Object.values(document.paths))
      for (const { responses } of Object.values(methods))
        for (const { content = {} } of Object.values(responses))
          for (const { schema } of Object.values(content)) expect(ajv.validateSchema(schema)).toBe(true);
  });
});
