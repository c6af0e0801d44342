import type { Plugin } from 'vitest/config';
import { type PoolWorker, ThreadsPoolWorker, type WorkerRequest } from 'vitest/node';

type Listener = Parameters<PoolWorker['on']>[1];

let thread: ThreadsPoolWorker | undefined;
let started = false;

/** One thread for all mutants: starting one for each would take most of the time. */
class ReusedWorker implements PoolWorker {
  readonly name = 'reused';
  readonly #thread: ThreadsPoolWorker;
  readonly #listeners: [string, Listener][] = [];
  #config: unknown;

  constructor(options: ConstructorParameters<typeof ThreadsPoolWorker>[0]) {
    thread ??= new ThreadsPoolWorker(options);
    this.#thread = thread;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.push([event, listener]);
    this.#thread.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.#thread.off(event, listener);
  }

  send(message: WorkerRequest): void {
    if (message.type === 'start') this.#config = message.context.config;
    if (message.type === 'stop' || (message.type === 'start' && started)) {
      this.#answer(message.type === 'stop' ? 'stopped' : 'started');
    } else if (message.type === 'run') {
      // The thread has the configuration of its start; the names of the tests to run are in the new one.
      const context = { ...message.context, config: this.#config };
      this.#thread.send({ ...message, context } as WorkerRequest);
    } else {
      started ||= message.type === 'start';
      this.#thread.send(message);
    }
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  async start(): Promise<void> {
    if (!started) await this.#thread.start();
  }

  async stop(): Promise<void> {
    for (const [event, listener] of this.#listeners) this.#thread.off(event, listener);
  }

  #answer(type: 'started' | 'stopped'): void {
    const response = { type, __vitest_worker_response__: true };
    setImmediate(() => {
      for (const [event, listener] of this.#listeners) if (event === 'message') listener(response);
    });
  }
}

/** Runs the tests in a {@link ReusedWorker}, though Stryker asks for a thread for each run. */
export const reusedWorker: Plugin = {
  name: 'reused-worker',
  configureVitest({ project }) {
    project.config.pool = 'reused';
    project.config.poolRunner = {
      name: 'reused',
      createPoolWorker: (options) => new ReusedWorker(options),
    };
  },
};
