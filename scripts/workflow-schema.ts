import { IDENTIFIER_PATTERN, checkIdentifier } from '../src/workflow/check-identifier.ts';
import type { Grammar, MapRule, ScalarRule } from '../src/workflow/grammar.ts';
import { WORKFLOW } from '../src/workflow/workflow-grammar.ts';

type Schema = Readonly<Record<string, unknown>>;

/** A value that is one expression, in place of what a key takes. */
const EXPRESSION: Schema = { type: 'string', pattern: String.raw`^\s*\$\{\{[\s\S]*\}\}\s*$` };
/** Shorter ones are read more easily where they stand. */
const MIN_SHARED_CHARACTERS = 200;
/** `${{ insert }}: …`, where a mapping may be merged in. */
const EXPRESSION_KEY = String.raw`^\$\{\{`;

/**
 * The JSON Schema of workflow files, for editors: GitHub's keys and ours, made from the tables that the parser checks with.
 * What it accepts may still be wrong, as it knows neither expressions nor which jobs there are; `paceline lint` does.
 */
export function workflowSchema(): Schema {
  const writer = new SchemaWriter();
  const root = writer.of(WORKFLOW);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Paceline workflow',
    description: "A workflow file: GitHub's keys and Paceline's own. `paceline lint` checks more than this.",
    ...root,
    $defs: writer.definitions(),
  };
}

class SchemaWriter {
  readonly #definitions = new Map<string, Schema>();

  definitions(): Schema {
    return Object.fromEntries([...this.#definitions].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  of(grammar: Grammar): Schema {
    const { named } = grammar;
    if (named === undefined) return this.#whole(grammar);
    if (!this.#definitions.has(named)) {
      // Before it is written: it may come again inside of itself.
      this.#definitions.set(named, {});
      this.#definitions.set(named, this.#whole(grammar));
    }
    return { $ref: `#/$defs/${named}` };
  }

  #whole(grammar: Grammar): Schema {
    if (grammar.ignored) return {};
    const { scalar, list, map, nothing, expressions } = grammar;
    const forms: Schema[] = [];
    if (scalar) forms.push(...scalarForms(scalar));
    if (list)
      forms.push({ type: 'array', items: this.of(list.item), ...(list.empty === undefined ? {} : { minItems: 1 }) });
    if (map)
      for (const rule of 'among' in map ? map.among : [map]) forms.push(this.#map(rule, expressions !== undefined));
    if (nothing) forms.push({ type: 'null' });
    if (expressions !== undefined && !takesText(scalar)) forms.push(EXPRESSION);
    const [only] = forms;
    return only && forms.length === 1 ? only : { anyOf: forms };
  }

  /** What is long is said once and referred to. */
  #shared(key: string, schema: Schema): Schema {
    const text = JSON.stringify(schema);
    if (text.length < MIN_SHARED_CHARACTERS) return schema;
    let name = key;
    for (let count = 2; JSON.stringify(this.#definitions.get(name) ?? schema) !== text; count++)
      name = `${key}-${count}`;
    this.#definitions.set(name, schema);
    return { $ref: `#/$defs/${name}` };
  }

  #map({ keys, required, others, empty }: MapRule, expressions: boolean): Schema {
    const properties = Object.fromEntries(
      Object.entries(keys).map(([key, grammar]) => [
        key,
        { description: `Takes ${grammar.takes.replaceAll('`', '')}.`, ...this.#shared(key, this.of(grammar)) },
      ]),
    );
    const names = Object.keys(required ?? {});
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(names.length > 0 && !expressions ? { required: names } : {}),
      ...(expressions ? { patternProperties: { [EXPRESSION_KEY]: {} } } : {}),
      ...(others?.check === checkIdentifier ? { propertyNames: { pattern: IDENTIFIER_PATTERN } } : {}),
      additionalProperties: others ? this.of(others.value) : false,
      ...(empty === undefined ? {} : { minProperties: 1 }),
    };
  }
}

function scalarForms(rule: ScalarRule): readonly Schema[] {
  switch (rule.kind) {
    case 'text':
      if (rule.pattern !== undefined) return [{ type: 'string', pattern: rule.pattern }];
      return rule.nonEmpty
        ? [{ type: ['string', 'number', 'boolean'], minLength: 1 }]
        : [{ type: ['string', 'number', 'boolean', 'null'] }];
    case 'boolean':
      return [rule.only === undefined ? { type: 'boolean' } : { const: rule.only }];
    case 'number':
      return [
        {
          type: rule.whole ? 'integer' : 'number',
          ...(rule.least === undefined ? {} : { minimum: rule.least }),
          ...(rule.most === undefined ? {} : { maximum: rule.most }),
        },
      ];
    case 'choice':
      return [{ enum: rule.values }];
    case 'condition':
    case 'anything':
      return [{ type: ['string', 'number', 'boolean', 'null'] }];
  }
}

/** An expression is text as well. */
function takesText(rule: ScalarRule | undefined): boolean {
  return (
    rule?.kind === 'condition' || rule?.kind === 'anything' || (rule?.kind === 'text' && rule.pattern === undefined)
  );
}
