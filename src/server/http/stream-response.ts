import type { Clock } from '../../kernel/clock.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';
import type { Call } from './endpoint.ts';

/** A reader that takes nothing for this long, while there is something to take, is cut; it can come back. */
export const STALL_MS = 30_000;

/**
 * Chunks as they are taken: nothing is made before there is room for it, so a slow reader costs no memory. Ends with
 * the chunks; an error on the way cuts the connection, since the status is sent already.
 */
export function streamResponse(
  chunks: AsyncGenerator<string | Uint8Array>,
  call: Pick<Call<unknown, unknown, unknown>, 'cut'>,
  { clock, log }: { readonly clock: Clock; readonly log: DiagnosticLog },
  headers: Readonly<Record<string, string>>,
): Response {
  const encoder = new TextEncoder();
  let cancelStall = (): void => undefined;
  let gone = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        cancelStall();
        try {
          const next = await chunks.next();
          if (gone) return;
          if (next.done === true) {
            controller.close();
            return;
          }
          controller.enqueue(typeof next.value === 'string' ? encoder.encode(next.value) : next.value);
          cancelStall = clock.after(STALL_MS, call.cut);
        } catch (error) {
          if (gone) return;
          log.warn('a stream was cut', { error: error instanceof Error ? error.message : String(error) });
          controller.error(error);
          call.cut();
        }
      },
      async cancel() {
        gone = true;
        cancelStall();
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { 'Cache-Control': 'no-store', ...headers } });
}
