/**
 * Puts values in place of `{{NAME}}`. A line whose value is null is left out.
 * @throws Error for a name that has no value: template and code are of one version.
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string | null>>): string {
  return template
    .split('\n')
    .filter((line) => namesIn(line).every((name) => values[name] !== null))
    .map((line) => line.replace(PLACE, (_all, name: string) => valueOf(name, values)))
    .join('\n');
}

const PLACE = /\{\{(\w+)\}\}/g;

function namesIn(line: string): string[] {
  return [...line.matchAll(PLACE)].map(([, name = '']) => name);
}

function valueOf(name: string, values: Readonly<Record<string, string | null>>): string {
  const value = values[name];
  if (typeof value !== 'string') throw new Error(`the template has {{${name}}}, which nobody knows`);
  return value;
}
