/**
 * The texts in which tools print a value: as it is, escaped for a quoted string, an expression, JSON, a URI and XML,
 * without surrounding quotes, and in the two parts in which PowerShell's error messages show it (runner-behaviour 2.11).
 * Without duplicates.
 */
export function textForms(value: string): readonly string[] {
  return [
    ...new Set([
      value,
      value.replaceAll('"', '\\"'),
      value.replaceAll("'", "''"),
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value),
      encodeURIComponent(value).replace(/[!'()*]/g, percent),
      xmlEscape(value),
      ...withoutQuotes(value),
      ...powerShellParts(value),
    ]),
  ];
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function xmlEscape(value: string): string {
  return value.replace(/[<>"'&]/g, (character) => XML_ENTITIES[character] ?? character);
}

function withoutQuotes(value: string): string[] {
  return value.length > MIN_QUOTED && value.startsWith('"') && value.endsWith('"') ? [value.slice(1, -1)] : [];
}

/** `a&b&c` is shown as `a&b&` and `c`; `a&+bc` as `a&+` and `c`, without the `b`. */
function powerShellParts(value: string): string[] {
  const plus = value.indexOf('&+');
  const cut = plus >= 0 ? plus + 2 : value.lastIndexOf('&') + 1;
  if (cut === 0) return [];
  return [value.slice(0, cut), value.slice(plus >= 0 ? cut + 1 : cut)].filter((part) => part.length >= MIN_PART);
}

const XML_ENTITIES: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '&': '&amp;',
};
/** Longer than this, quotes are taken for quotes; shorter, for a part of the secret. */
const MIN_QUOTED = 8;
const MIN_PART = 6;
