/** Values of git configuration files; earlier files win. Includes and `insteadOf` are not followed. */
export class GitConfig {
  readonly #values = new Map<string, string>();

  /** Contents of the files, most specific first; null for a file that is not there. */
  constructor(files: readonly (string | null)[]) {
    for (const file of files) {
      const values = parse(file ?? '');
      for (const [key, value] of values) if (!this.#values.has(key)) this.#values.set(key, value);
    }
  }

  /** `remote.origin.url`; section and last part in lower case, what is between as written. */
  get(key: string): string | null {
    return this.#values.get(key) ?? null;
  }
}

function parse(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n')) {
    const header = /^\s*\[([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\]/.exec(line);
    const rest = header === null ? line : line.slice(header[0].length);
    if (header !== null) {
      const sub = header[2] === undefined ? '' : `.${header[2].replace(/\\(.)/g, '$1')}`;
      section = `${(header[1] ?? '').toLowerCase()}${sub}`;
    }
    const entry = /^\s*([A-Za-z][\w-]*)\s*=\s*(.*)$/.exec(rest);
    // Of several values of one key in a file, the last one holds.
    if (entry) values.set(`${section}.${(entry[1] ?? '').toLowerCase()}`, valueOf(entry[2] ?? ''));
  }
  return values;
}

/** Quotes may enclose any part; `#` and `;` outside of them begin a comment. */
function valueOf(text: string): string {
  let value = '';
  let quoted = false;
  for (const [part] of text.matchAll(/\\.|./gs)) {
    if (part === '"') quoted = !quoted;
    else if (!quoted && (part === '#' || part === ';')) break;
    else value += part.startsWith('\\') ? (ESCAPES[part] ?? part.slice(1)) : part;
  }
  return value.trim();
}

const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\t': '\t' };
