/** Sets a key under the spelling it has in the map already, in whatever case. */
export function setIgnoringCase(map: Map<string, string>, key: string, value: string): void {
  const wanted = key.toLowerCase();
  for (const known of map.keys()) {
    if (known.toLowerCase() !== wanted) continue;
    map.set(known, value);
    return;
  }
  map.set(key, value);
}
