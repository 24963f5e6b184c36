import { type JitConfig, jitConfigSchema } from './fleet-api.ts';

/** One string, of letters that nothing has to be quoted for. */
export function writeJitConfig(config: JitConfig): string {
  return Buffer.from(JSON.stringify(config)).toString('base64url');
}

/** Null for what is none, or not the whole of one. */
export function readJitConfig(text: string): JitConfig | null {
  try {
    return jitConfigSchema.parse(JSON.parse(Buffer.from(text.trim(), 'base64url').toString()));
  } catch {
    // Whatever is wrong with it, it is no configuration.
    return null;
  }
}
