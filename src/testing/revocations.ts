/** The keys that were revoked. As at the providers, they may still work for a while. @internal */
export class Revocations {
  readonly #delayMs: number;
  readonly #deadlines = new Map<string, number>();

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  add(id: string): void {
    if (!this.#deadlines.has(id)) this.#deadlines.set(id, performance.now() + this.#delayMs);
  }

  has(id: string): boolean {
    return this.#deadlines.has(id);
  }

  isDead(id: string): boolean {
    return performance.now() >= (this.#deadlines.get(id) ?? Number.POSITIVE_INFINITY);
  }
}
