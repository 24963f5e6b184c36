import type { NetworkSettings } from '../../src/kernel/open-dispatcher.ts';
import { NO_TLS_FILES } from '../../src/kernel/trust.ts';

/** No proxy, and no certificates beyond those that everybody trusts. */
export const DIRECT: NetworkSettings = { proxy: { http: null, https: null, no: null }, tls: NO_TLS_FILES };
