import { listOf, mapOf, mapWith, nonEmptyText, text, type Grammar } from './grammar.ts';

const NEEDS_IMAGE = { image: 'name the image to run, such as `node:24`' };

/** `container` of a job. */
export function containerGrammar(): Grammar {
  const map = { what: '`container`', keys: containerKeys('job.container'), required: NEEDS_IMAGE };
  return { ...text('an image or a mapping', 'job.container'), map };
}

/** `services` of a job. */
export function servicesGrammar(): Grammar {
  const keys = {
    ...containerKeys('job.services'),
    entrypoint: text('a command', 'job.services'),
    command: text('a command', 'job.services'),
  };
  const service: Grammar = {
    ...nonEmptyText('an image or a mapping', 'job.services'),
    map: { what: 'a service', keys, required: NEEDS_IMAGE },
  };
  return mapOf(service, 'services by name', 'job.services');
}

function containerKeys(place: 'job.container' | 'job.services'): Readonly<Record<string, Grammar>> {
  const credential = nonEmptyText('text', `${place}.credentials`);
  return {
    image: nonEmptyText('an image', place),
    credentials: mapWith(
      { what: '`credentials`', keys: { username: credential, password: credential } },
      `${place}.credentials`,
    ),
    env: mapOf(text('text', `${place}.env`), 'environment variables', `${place}.env`),
    ports: { ...listOf(nonEmptyText('a port', place), 'a list of ports'), expressions: place },
    volumes: { ...listOf(nonEmptyText('a volume', place), 'a list of volumes'), expressions: place },
    options: text('options of `docker create`', place),
  };
}
