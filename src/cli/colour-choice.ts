export interface ColourFacts {
  /** `--no-color` is false. */
  readonly option: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isTTY: boolean;
}

/**
 * Whether to emphasise with colours: `--no-color`, then FORCE_COLOR, then NO_COLOR (no-color.org), then whether a
 * terminal that knows colours is there. As in Node.js itself, FORCE_COLOR outranks NO_COLOR.
 */
export function wantsColour({ option, environment, isTTY }: ColourFacts): boolean {
  if (!option) return false;
  const force = environment.FORCE_COLOR;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (environment.NO_COLOR) return false;
  return isTTY && environment.TERM !== 'dumb';
}
