interface Waiter {
  readonly timer: NodeJS.Timeout;
  start(): void;
}

/**
 * Lets so many calls run at once, and the others wait in their order: a thousand tenants at once
 * would open a thousand connections, and the answers would come too late for all of them.
 */
export class Slots {
  #free: number;
  readonly #waiting = new Set<Waiter>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot; `false` if none is free within `ms`. */
  take(ms: number): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiting.delete(waiter);
        resolve(false);
      };
      const waiter = { timer: setTimeout(giveUp, ms), start: () => resolve(true) };
      this.#waiting.add(waiter);
    });
  }

  /** Gives a slot back, to who has waited longest. */
  free(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    clearTimeout(next.timer);
    next.start();
  }
}
