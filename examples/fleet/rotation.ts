import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import {
  OperationError,
  type RotationReport,
  rotateKeys,
  type ScanRange,
  type SecretStore,
  type SecretsVault,
} from 'provider-vault';

const QUEUE = 'rotate-keys';

/** One range of the records. */
export interface RangeJob {
  readonly range: ScanRange;
  /** Where a worker that was stopped has got to. */
  readonly after?: string;
}

/** The jobs at Redis, which keeps those that are done: they are the report. */
export interface Queues {
  readonly ranges: Queue<RangeJob, RotationReport>;
  /** Each rotation with its ranges. No worker takes these jobs: they are only kept. */
  readonly rotations: Queue<{ readonly ranges: readonly ScanRange[] }>;
}

export interface WorkerSettings {
  /**
   * A worker that was killed holds its range for so long; then another one takes it.
   *
   * @defaultValue 30 seconds
   */
  readonly lockMs?: number;
  /** Records per second of this worker, at most. @defaultValue no limit */
  readonly maxPerSecond?: number;
}

export function openQueues(connection: ConnectionOptions): Queues & { close(): Promise<unknown> } {
  const ranges = new Queue(QUEUE, { connection });
  const rotations = new Queue(`${QUEUE}-splits`, { connection });
  return { ranges, rotations, close: () => Promise.all([ranges.close(), rotations.close()]) };
}

/**
 * Splits the records, once, and queues a job for each range.
 *
 * It may be called again with the same id, after a crash or by several machines: Redis ignores a job
 * whose id it has, so that the first split counts, and each of its ranges has one job.
 *
 * @param id - of this rotation, such as its date
 * @returns how many ranges there are
 */
export async function startRotation(
  queues: Queues,
  store: SecretStore,
  { id, parts }: { readonly id: string; readonly parts: number },
): Promise<number> {
  if ((await queues.rotations.getJob(id)) === undefined) {
    const split = (await store.split?.(parts)) ?? [{}];
    await queues.rotations.add('split', { ranges: split }, { jobId: id });
  }
  const ranges = (await queues.rotations.getJob(id))?.data.ranges ?? [];
  await queues.ranges.addBulk(
    ranges.map((range, at) => ({
      name: id,
      data: { range },
      // A range that failed is tried again after 1, 2, 4 … seconds: the database may be away.
      opts: { jobId: `${id}-${at}`, attempts: 10, backoff: { type: 'exponential', delay: 1_000 } },
    })),
  );
  return ranges.length;
}

/** The ranges of a rotation that are done, with their reports, and those that were given up. */
export async function rangesOf({ ranges }: Queues, id: string) {
  const [done, failed] = await Promise.all(
    (['completed', 'failed'] as const).map(async (state) =>
      (await ranges.getJobs([state])).filter(({ name }) => name === id),
    ),
  );
  return { done: done ?? [], failed: failed ?? [] };
}

/** Works on ranges, one at a time, until it is closed; `signal` stops the one under way. */
export function startWorker(
  vault: SecretsVault,
  connection: ConnectionOptions,
  signal: AbortSignal,
  { lockMs = 30_000, maxPerSecond }: WorkerSettings = {},
): Worker<RangeJob, RotationReport> {
  return new Worker<RangeJob, RotationReport>(
    QUEUE,
    async (job) => {
      try {
        const { range, after } = job.data;
        return await rotateKeys(vault, {
          range,
          signal,
          ...(after !== undefined && { after }),
          ...(maxPerSecond !== undefined && { maxPerSecond }),
        });
      } catch (error) {
        if (error instanceof OperationError && error.after !== undefined) {
          await job.updateData({ ...job.data, after: error.after }); // the next one goes on there
        }
        throw error;
      }
    },
    {
      connection,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: 100, // how often the workers of one range may be killed
    },
  );
}
