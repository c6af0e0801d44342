interface Kept<C> {
  /** Identifies the credentials that the client was built from. */
  readonly content: string;
  readonly client: Promise<C>;
  /** The names of the fields it was built from, for the audit trail. */
  readonly fields: readonly string[];
}

/**
 * Clients by slot (whose client, from which source, with which options), each built from one content.
 * A client whose content is no longer the current one is dropped, so that old credentials leave the
 * memory.
 *
 * @internal
 */
export class ClientCache<C extends object> {
  // A Map iterates in the order of insertion: a client that is used moves to its end.
  readonly #clients = new Map<string, Kept<C>>();
  readonly #max: number;
  /** The slot at the end of the map. */
  #newest: string | undefined;
  #drops = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The client of `slot`, if it was built from exactly `content`. */
  kept(slot: string, content: string): Kept<C> | undefined {
    const kept = this.#clients.get(slot);
    if (kept?.content !== content) return undefined;
    if (slot !== this.#newest) this.#put(slot, kept);
    return kept;
  }

  /** Changes with every {@link ClientCache.drop}. Take it before the credentials are read. */
  get drops(): number {
    return this.#drops;
  }

  /**
   * Builds the client of `slot`; callers at the same time share it. A failure is not kept, nor a client
   * whose credentials were read before the last drop: they may be the dropped ones.
   */
  build(
    slot: string,
    { content, fields, drops }: { content: string; fields: readonly string[]; drops: number },
    build: () => Promise<C>,
  ): Promise<C> {
    const kept = this.kept(slot, content);
    if (kept !== undefined) return kept.client;
    const client = build();
    if (drops !== this.#drops) return client;
    client.catch(() => {
      if (this.#clients.get(slot)?.client === client) this.#clients.delete(slot);
    });
    this.#put(slot, { content, client, fields });
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > this.#max && oldest !== undefined) this.#clients.delete(oldest);
    return client;
  }

  /** Drops the clients whose slot begins with `prefix`. */
  drop(prefix: string): void {
    this.#drops++;
    for (const slot of this.#clients.keys())
      if (slot.startsWith(prefix)) this.#clients.delete(slot);
  }

  #put(slot: string, kept: Kept<C>): void {
    this.#clients.delete(slot);
    this.#clients.set(slot, kept);
    this.#newest = slot;
  }
}
