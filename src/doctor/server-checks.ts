import { X509Certificate } from 'node:crypto';
import { readTrust } from '../kernel/trust.ts';
import type { Check, Finding } from './check.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { note, ok, skipped, wrong } from './findings.ts';
import { type Probe, probeServer, type Stage } from './server-probe.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Who renews by hand needs so long. */
const EXPIRY_NOTICE_MS = 14 * DAY_MS;
/** The server's clock is told in whole seconds. */
const CLOCK_NOTE_MS = 2_000;
const CLOCK_WRONG_MS = 30_000;

/** The way to the server; one connection for all of them. */
export function serverChecks(subject: DoctorSubject): Check[] {
  const { server, network, clock } = subject;
  let probe: Promise<Probe> | null = null;
  const of = (look: (probe: Probe, server: string) => Finding | Promise<Finding>) => async () => {
    if (server === null) return skipped('No server is known: register the runner, or name one by --server.');
    probe ??= probeServer(server, network, clock);
    try {
      return await look(await probe, server);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'NetworkProblem') throw error;
      return wrong(error.message, 'Mend that setting.');
    }
  };
  return [
    { id: 'server', title: 'Server', run: of(lookAtServer) },
    { id: 'proxy', title: 'Proxy', run: of(lookAtProxy) },
    { id: 'certificates', title: 'Certificates', run: of((seen) => lookAtCertificates(seen, subject)) },
    { id: 'clock', title: 'Clock', run: of(lookAtClock) },
  ];
}

const STAGE_NAMES: Readonly<Record<Stage, string>> = {
  dns: 'its name is looked up',
  tcp: 'a connection is made',
  tls: 'the connection is secured',
  healthz: 'it is asked how it is',
};

function lookAtServer({ failure, stages, route }: Probe, server: string): Finding {
  const times = stages.map(({ stage, ms }) => `${stage} ${ms} ms`).join(', ');
  if (failure === null) return ok(`${server} answers (${times}).`);
  const by = route.kind === 'proxy' ? ` by the proxy ${route.shown}` : '';
  const found = `${server} cannot be reached${by}: when ${STAGE_NAMES[failure.stage]}, ${failure.why}.`;
  return wrong(found, REMEDIES[failure.stage]);
}

const REMEDIES: Readonly<Record<Stage, string>> = {
  dns: 'Look at the address (agent.server), the DNS servers of this machine, and whether it needs a proxy.',
  tcp: 'Look whether the server runs, whether its port is right, and whether a firewall or a missing proxy is between.',
  tls: 'See what is said of certificates and proxy; docs/networks.md has the settings.',
  healthz: 'See what is said of certificates and proxy, and look into the log of the server.',
};

function lookAtProxy({ route }: Probe): Finding {
  if (route.kind === 'invalid') return wrong(`${route.why}.`, 'Mend that variable, or unset it.');
  if (route.kind === 'direct') return ok(`The server is reached without one: ${route.why}.`);
  return ok(`The server is reached by ${route.shown}: ${route.why}.`);
}

async function lookAtCertificates(
  { chain, untrusted, failure }: Probe,
  { server, network, clock }: DoctorSubject,
): Promise<Finding> {
  if (server?.startsWith('https:') !== true) return skipped('The server is spoken to in clear.');
  const own = chain[0];
  const last = chain.at(-1);
  if (own === undefined || last === undefined) return skipped('The server showed none.');
  const client = (await readTrust(network.tls)).client;
  const all = [...chain, ...(client === null ? [] : [clientCertificate(client.certificate)])];
  const first = all.reduce((least, one) => (one.notAfter < least.notAfter ? one : least));
  const left = first.notAfter - clock.now();
  if (left <= 0)
    return wrong(
      `The certificate of '${first.subject}' expired on ${dayOf(first.notAfter)}.`,
      "Renew it, or set this machine's clock if that is wrong.",
    );
  if (untrusted === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return wrong(`The certificate of '${own.subject}' is for another name.`, 'Use an address with a name that it has.');
  if (untrusted !== null)
    return wrong(
      `'${last.subject}' is issued by '${last.issuer}', which is not trusted here (${untrusted}).`,
      `Give the certificate of '${last.issuer}' by agent.caFile or PACELINE_CA_FILE, or add it to those the system trusts.`,
    );
  if (failure?.why.includes('client certificate') === true)
    return wrong('The server asks for a client certificate.', 'Give one: docs/networks.md says how.');
  const found = `'${own.subject}', issued by '${own.issuer}', is believed; the first of ${all.length} to expire is '${first.subject}' on ${dayOf(first.notAfter)}.`;
  return left < EXPIRY_NOTICE_MS ? note(found, 'Renew it.') : ok(found);
}

function clientCertificate(pem: string): { readonly subject: string; readonly notAfter: number } {
  const { subject, validTo } = new X509Certificate(pem);
  return { subject: /CN=(.*)/.exec(subject)?.[1] ?? 'the client certificate', notAfter: Date.parse(validTo) };
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function lookAtClock({ clockOffsetMs }: Probe): Finding {
  if (clockOffsetMs === null) return skipped('The server did not say what time it has.');
  const seconds = (Math.abs(clockOffsetMs) / 1_000).toFixed(1);
  const found = `This machine is ${seconds} s ${clockOffsetMs < 0 ? 'ahead of' : 'behind'} the server.`;
  const remedy = 'Let both take their time from the network (systemd-timesyncd, chrony).';
  if (Math.abs(clockOffsetMs) > CLOCK_WRONG_MS) return wrong(found, remedy);
  return Math.abs(clockOffsetMs) > CLOCK_NOTE_MS ? note(found, remedy) : ok(found);
}
