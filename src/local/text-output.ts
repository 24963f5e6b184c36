/** Where text for people goes: standard output, standard error, or what a test gives. */
export interface TextOutput {
  /** Never blocks on a slow reader, never throws; once the reader has gone, what is written is dropped. */
  write(text: string | Uint8Array): void;
  /** Resolves when everything written has been taken, or when nobody reads any more. */
  flush(): Promise<void>;
  readonly isTTY: boolean;
  /** Size of the terminal; 80 and 24 where there is none. */
  readonly columns: number;
  readonly rows: number;
  /** Returns a function that ends the subscription. */
  onResize(listener: () => void): () => void;
}
