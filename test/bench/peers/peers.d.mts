/** Another library that seals a text. */
export interface Peer {
  readonly name: string;
  seal(text: string): string | Promise<string>;
  open(sealed: string): string | Promise<string>;
}

export const peers: readonly Peer[];
