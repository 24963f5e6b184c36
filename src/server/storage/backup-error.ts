/** A backup or a restore that cannot be made; the message is for whoever asked. */
export class BackupError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'BackupError';
  }
}

export function occupied(what: string): BackupError {
  return new BackupError(`There is ${what} already. Restore into an empty place, or replace it with --force.`);
}
