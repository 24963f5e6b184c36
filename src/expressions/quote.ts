/** A longer expression is cut in messages. */
const MAX_QUOTED_CHARACTERS = 160;

/** Text of the user's inside a sentence of ours: on one line, in backticks, cut when long. */
export function quote(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ');
  return line.length > MAX_QUOTED_CHARACTERS ? `\`${line.slice(0, MAX_QUOTED_CHARACTERS)}…\`` : `\`${line}\``;
}
