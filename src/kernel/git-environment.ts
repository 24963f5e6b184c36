/** Set where Paceline runs inside a git hook; they would point git at the wrong repository. */
const OF_ANOTHER_REPOSITORY = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_COMMON_DIR',
  'GIT_NAMESPACE',
  'GIT_PREFIX',
];

/**
 * The environment for a git that never asks on a terminal and sends the token to `base` only, if that is `http` or
 * `https`. In the environment because everybody can read arguments.
 */
export function gitEnvironment(
  environment: Readonly<Record<string, string>>,
  base: string,
  token: string | null,
  user = TOKEN_USER,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment))
    if (!OF_ANOTHER_REPOSITORY.includes(name)) result[name] = value;
  result.GIT_TERMINAL_PROMPT = '0';
  if (token === null || token === '' || !/^https?:/i.test(base)) return result;
  const key = `http.${base}/.extraheader`;
  return {
    ...result,
    GIT_CONFIG_COUNT: '2',
    // Nothing lets go of what a configuration file says: two headers of that name are refused by servers.
    GIT_CONFIG_KEY_0: key,
    GIT_CONFIG_VALUE_0: '',
    GIT_CONFIG_KEY_1: key,
    GIT_CONFIG_VALUE_1: authorization(token, user),
  };
}

/** With which GitHub and others take a token as a password. */
export const TOKEN_USER = 'x-access-token';

/** The header by which git shows a token. */
export function authorization(token: string, user = TOKEN_USER): string {
  return `AUTHORIZATION: basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
}

/** A URL for messages: without user and password. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/(?<=:\/\/)[^/@\s]*@/g, '');
}
