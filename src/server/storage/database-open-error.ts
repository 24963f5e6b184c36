/** The database cannot be opened; the message is for whoever starts the server. */
export class DatabaseOpenError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'DatabaseOpenError';
  }
}
