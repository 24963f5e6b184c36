/** What a server may be called where its segments are named after it. */
const NODE = /^[\w-]{1,64}$/;

/** Segments sort in the order in which they were begun. */
export function segmentName(node: string, number: number): string {
  return `${node}.${String(number).padStart(8, '0')}.log`;
}

/** Of this server's own segment, else null. */
export function segmentNumber(node: string, name: string): number | null {
  const match = /^(.+)\.(\d{8,})\.log$/.exec(name);
  return match?.[1] === node ? Number(match[2]) : null;
}

/** @throws RangeError for a name that no segment can carry. */
export function demandNodeName(node: string): void {
  if (!NODE.test(node)) throw new RangeError(`a server's name has 1 to 64 of A-Z a-z 0-9 _ -, not '${node}'`);
}
