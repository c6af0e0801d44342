import type { OperationProgress } from 'provider-vault';
import { Interrupted } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import type { LongRunOptions } from './options.ts';
import { note } from './output.ts';

interface Controls {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: OperationProgress) => void;
}

/** The settings of a long operation that an option was given for. @internal */
export function batchesOf({ batchSize, concurrency }: LongRunOptions) {
  return {
    ...(batchSize !== undefined && { batchSize }),
    ...(concurrency !== undefined && { concurrency }),
  };
}

/**
 * Runs a long operation with a progress bar, on a terminal, and with Ctrl-C: the first one stops
 * it between two batches, a second one at once. Both are safe: what is written is written whole.
 *
 * @throws Interrupted when it was stopped
 * @internal
 */
export async function longRun<R>(
  label: string,
  operate: (controls: Controls) => Promise<R>,
): Promise<R> {
  const abort = new AbortController();
  const stop = () => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    note('Stopping. Press Ctrl-C again to stop at once.');
    abort.abort();
  };
  const bar = await progressBar(label);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await operate({ signal: abort.signal, onProgress: bar.show });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    throw new Interrupted(
      'Stopped. What is written is complete; the same command goes on with the rest.',
    );
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    bar.clear();
  }
}

async function progressBar(label: string) {
  if (!process.stderr.isTTY) return { show: () => {}, clear: () => {} };
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar(
    {
      format: `${label} {bar} {value}/{total} {rate}/s, {eta_formatted} left`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
  return {
    show: ({ done, total, rate }: OperationProgress) => {
      const detail = { rate: Math.round(rate) };
      if (!bar.isActive) bar.start(total ?? done, done, detail);
      if (total !== undefined) bar.setTotal(total);
      bar.update(done, detail);
    },
    clear: () => bar.stop(),
  };
}
