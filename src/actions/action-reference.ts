/** What the `uses` of a step names. */
export type ActionReference =
  /** `./path`: a folder of the workspace, at the moment the step runs. */
  | { readonly kind: 'local'; readonly path: string }
  /** `owner/name[/path]@ref`. `path` is empty for the root of the repository. */
  | RepositoryReference
  /** `docker://image`. */
  | { readonly kind: 'docker'; readonly image: string };

export interface RepositoryReference {
  readonly kind: 'repository';
  readonly owner: string;
  readonly name: string;
  readonly path: string;
  readonly ref: string;
}

/** Names become folders, URLs and arguments of git, so they hold nothing that means something there. */
const NAME = /^[A-Za-z0-9_.-]+$/;
/** As git's `check-ref-format`, as far as it matters here; `{` also keeps `@{…}` out. */
const FORBIDDEN_IN_REF = /[\s~^:?*[\\{]|\.\.|\/\/|^[-/]|\/$/;

/** Reads a `uses`. The problem is one sentence that says what was expected. */
export function parseActionReference(uses: string): ActionReference | { readonly kind: 'problem'; message: string } {
  if (uses.startsWith('docker://')) return { kind: 'docker', image: uses.slice('docker://'.length) };
  if (uses.startsWith('./') || uses.startsWith('.\\') || uses === '.') return { kind: 'local', path: uses };
  const at = uses.indexOf('@');
  const [owner = '', name = '', ...path] = (at < 0 ? uses : uses.slice(0, at)).split(/[/\\]/);
  const ref = at < 0 ? '' : uses.slice(at + 1);
  const segments = path.filter((segment) => segment !== '' && segment !== '.');
  const valid = isName(owner) && isName(name) && !segments.includes('..') && ref !== '' && !FORBIDDEN_IN_REF.test(ref);
  if (valid) return { kind: 'repository', owner, name, path: segments.join('/'), ref };
  return {
    kind: 'problem',
    message: `'${uses}' names no action: expected './path', 'owner/name@ref', 'owner/name/path@ref' or 'docker://image'.`,
  };
}

function isName(text: string): boolean {
  return NAME.test(text) && text !== '.' && text !== '..';
}
