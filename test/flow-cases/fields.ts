/** A case says something that nobody here understands: a sentence. */
export class CaseProblem extends Error {
  override readonly name = 'CaseProblem';
}

/**
 * The members of an object of a case, each to be taken once; what nobody took is a word that is not understood. Names are
 * compared without case, `-` and `_`: `keep_waiting`, `keep-waiting` and `keepWaiting` are one.
 */
export class Fields {
  readonly #where: string;
  readonly #values = new Map<string, { readonly name: string; readonly value: unknown }>();

  /** @throws CaseProblem when it is no object, or says something twice. */
  constructor(value: unknown, where: string) {
    this.#where = where;
    if (!isMap(value)) throw new CaseProblem(`${where} has to be an object, not ${said(value)}`);
    for (const [name, member] of Object.entries(value)) {
      const plain = plainName(name);
      if (this.#values.has(plain)) throw new CaseProblem(`${where} says '${name}' twice`);
      this.#values.set(plain, { name, value: member });
    }
  }

  /** The first of these names that is there; undefined without any. */
  take(...names: readonly string[]): unknown {
    for (const name of names) {
      const found = this.#values.get(plainName(name));
      if (!found) continue;
      this.#values.delete(plainName(name));
      return found.value;
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.#values.has(plainName(name));
  }

  isText(name: string): boolean {
    return typeof this.#values.get(plainName(name))?.value === 'string';
  }

  /** What was not taken yet, as it is written; all of it is taken now. */
  rest(): [string, unknown][] {
    const rest = [...this.#values.values()].map(({ name, value }): [string, unknown] => [name, value]);
    this.#values.clear();
    return rest;
  }

  text(...names: readonly string[]): string | null {
    return this.#take(names, 'text', (value) => (typeof value === 'string' ? value : null));
  }

  number(...names: readonly string[]): number | null {
    return this.#take(names, 'a number', (value) => (typeof value === 'number' ? value : null));
  }

  flag(...names: readonly string[]): boolean | null {
    return this.#take(names, 'true or false', (value) => (typeof value === 'boolean' ? value : null));
  }

  /** One word, or a list of them. */
  texts(...names: readonly string[]): string[] | null {
    return this.#take(names, 'text or a list of texts', (value) => {
      const list = Array.isArray(value) ? (value as unknown[]) : [value];
      return list.every((item) => typeof item === 'string') ? list : null;
    });
  }

  list(...names: readonly string[]): unknown[] | null {
    return this.#take(names, 'a list', (value) => (Array.isArray(value) ? (value as unknown[]) : null));
  }

  map(...names: readonly string[]): Record<string, unknown> | null {
    return this.#take(names, 'an object', (value) => (isMap(value) ? value : null));
  }

  /** @throws CaseProblem when something was not taken. */
  done(): void {
    const names = [...this.#values.values()].map(({ name }) => `'${name}'`);
    if (names.length > 0) throw new CaseProblem(`${this.#where}: unknown word ${names.join(', ')}`);
  }

  #take<T>(names: readonly string[], what: string, read: (value: unknown) => T | null): T | null {
    const value = this.take(...names);
    if (value === undefined || value === null) return null;
    const result = read(value);
    if (result === null) throw new CaseProblem(`${this.#where}: '${names[0]!}' has to be ${what}, not ${said(value)}`);
    return result;
  }
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As it is written, cut. */
export function said(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > MAX_SAID ? `${text.slice(0, MAX_SAID)}…` : text;
}

const MAX_SAID = 200;

export function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '');
}
