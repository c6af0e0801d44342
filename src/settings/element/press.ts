/**
 * Holds back what moves things around while a pointer is pressed. A field is checked when it is left, and
 * an error below it would push the button away on which the pointer is about to be released.
 *
 * @internal
 */
export class Press {
  #isHeld = false;
  readonly #waiting: (() => void)[] = [];

  listen(): void {
    addEventListener('pointerdown', this.#down, true);
    addEventListener('pointerup', this.#up, true);
    addEventListener('pointercancel', this.#up, true);
  }

  stop(): void {
    removeEventListener('pointerdown', this.#down, true);
    removeEventListener('pointerup', this.#up, true);
    removeEventListener('pointercancel', this.#up, true);
    this.#up();
  }

  /** Runs something soon; if a pointer is pressed, after the click that it makes. */
  after(run: () => void): void {
    this.#waiting.push(run);
    this.#runSoon();
  }

  readonly #down = (): void => {
    this.#isHeld = true;
  };

  readonly #up = (): void => {
    this.#isHeld = false;
    this.#runSoon();
  };

  #runSoon(): void {
    setTimeout(() => {
      if (this.#isHeld) return;
      for (const run of this.#waiting.splice(0)) run();
    });
  }
}
