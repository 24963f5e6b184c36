import { z } from 'zod';
import type { Store } from '../store.ts';
import { unwrap } from './api-failure.ts';
import { endpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';

export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** Is it up, can it work, how does it do. */
export function serverEndpoints(
  store: Store,
  { version, metrics }: { readonly version: string; readonly metrics: () => Promise<MetricsPage> },
): Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/healthz',
      summary: 'The process is up.',
      access: { kind: 'open' },
      reply: { kind: 'json', schema: z.strictObject({ status: z.literal('up'), version: z.string() }), status: 200 },
      errors: [],
      handle: () => Promise.resolve({ status: 'up' as const, version }),
    }),
    endpoint({
      method: 'get',
      path: '/readyz',
      summary: 'The database answers.',
      access: { kind: 'open' },
      reply: { kind: 'json', schema: z.strictObject({ status: z.literal('ready') }), status: 200 },
      errors: [],
      handle: async () => {
        unwrap(await store.execute('ping', {}));
        return { status: 'ready' as const };
      },
    }),
    endpoint({
      method: 'get',
      path: '/metrics',
      summary: 'For Prometheus.',
      access: { kind: 'open' },
      reply: { kind: 'text', status: 200 },
      errors: [],
      handle: async () => {
        const { contentType, text } = await metrics();
        return new Response(text, { headers: { 'Content-Type': contentType } });
      },
    }),
  ];
}
