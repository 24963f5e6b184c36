/** A line in which a step's output asks for something. */
export interface WorkflowCommand {
  /** Lower case. */
  readonly name: string;
  /** Keys in lower case, values unescaped and not empty. */
  readonly properties: ReadonlyMap<string, string>;
  readonly data: string;
}

/**
 * Reads `::name key=value,key=value::data` at the start of a line, blanks before it allowed, or else
 * `##[name key=value;key=value]data` anywhere in it, text before it dropped. Null for a line that is text, and that
 * includes names that are not registered. Source: runner-behaviour 2.10.
 */
export function parseWorkflowCommand(line: string, isRegistered: (name: string) => boolean): WorkflowCommand | null {
  return parseColons(line.trimStart(), isRegistered) ?? parseBrackets(line, isRegistered);
}

function parseColons(text: string, isRegistered: (name: string) => boolean): WorkflowCommand | null {
  if (!text.startsWith('::')) return null;
  const end = text.indexOf('::', 2);
  if (end < 0) return null;
  const head = splitHead(text.slice(2, end));
  if (!isRegistered(head.name)) return null;
  return {
    name: head.name,
    properties: readProperties(head.rest.trim(), ',', PROPERTY_ESCAPES),
    data: unescape(text.slice(end + 2), DATA_ESCAPES),
  };
}

function parseBrackets(text: string, isRegistered: (name: string) => boolean): WorkflowCommand | null {
  const start = text.indexOf('##[');
  const end = start < 0 ? -1 : text.indexOf(']', start);
  if (end < 0) return null;
  const head = splitHead(text.slice(start + 3, end));
  if (!isRegistered(head.name)) return null;
  return {
    name: head.name,
    properties: readProperties(head.rest, ';', BRACKET_ESCAPES),
    data: unescape(text.slice(end + 1), BRACKET_ESCAPES),
  };
}

function splitHead(head: string): { name: string; rest: string } {
  const blank = head.indexOf(' ');
  return blank < 0
    ? { name: head.toLowerCase(), rest: '' }
    : { name: head.slice(0, blank).toLowerCase(), rest: head.slice(blank + 1) };
}

function readProperties(text: string, separator: string, escapes: Escapes): Map<string, string> {
  const properties = new Map<string, string>();
  for (const part of text.split(separator)) {
    const equals = part.indexOf('=');
    if (equals < 0 || equals === part.length - 1) continue;
    properties.set(part.slice(0, equals).toLowerCase(), unescape(part.slice(equals + 1), escapes));
  }
  return properties;
}

function unescape(text: string, escapes: Escapes): string {
  if (!text.includes('%')) return text;
  return escapes.reduce((result, [escaped, character]) => result.replaceAll(escaped, character), text);
}

type Escapes = readonly (readonly [string, string])[];

/** `%25` last: `%250A` is `%0A` as text. */
const DATA_ESCAPES: Escapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%25', '%'],
];
const PROPERTY_ESCAPES: Escapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%3A', ':'],
  ['%2C', ','],
  ['%25', '%'],
];
const BRACKET_ESCAPES: Escapes = [
  ['%3B', ';'],
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%5D', ']'],
  ['%25', '%'],
];
