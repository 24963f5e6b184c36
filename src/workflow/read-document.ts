import type { ProblemList } from './problem-list.ts';
import { readSource } from './read-source.ts';
import { readYaml } from './read-yaml.ts';
import type { YamlNode } from './yaml-node.ts';

export interface ReadDocument {
  /** Null when the file is no readable YAML; then `problems` say why. */
  readonly root: YamlNode | null;
  readonly text: string;
  readonly problems: ProblemList;
}

/** Bytes or text of a file as a tree of values with places. Never throws. */
export function readDocument(source: string | Uint8Array, file: string): ReadDocument {
  const { text, problems } = readSource(source, file);
  return { root: text === null ? null : readYaml(text, problems), text: text ?? '', problems };
}
