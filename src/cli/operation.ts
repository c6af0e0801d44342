import { type LongOperationOptions, OperationError } from 'provider-vault';
import { FewerRecords, Interrupted, reportFailure } from './errors.ts';
import type { ExitCode } from './exit-codes.ts';
import type { LongRunOptions } from './options.ts';
import { note, paint, printResult } from './output.ts';
import { openProblemsFile, type ProblemsFile } from './problems-file.ts';
import { startProgress } from './progress.ts';

type Controls = Required<Pick<LongOperationOptions, 'signal' | 'onProgress'>>;

/** How a command presents the report of its operation. */
export interface Presentation<R> {
  lines(report: R): readonly string[];
  exitCode(report: R): ExitCode;
}

/**
 * Runs a long operation with the options of the command line, prints its report, and returns the
 * exit code. If the operation is stopped or fails, it prints what was done until then, and how to
 * go on.
 */
export async function runOperation<R extends { readonly scanned: number }>(
  label: string,
  options: LongRunOptions,
  operate: (settings: LongOperationOptions) => Promise<R>,
  { lines, exitCode }: Presentation<R>,
): Promise<ExitCode> {
  const { json = false, problemsFile, after, expectRecords = 0 } = options;
  const problems =
    problemsFile === undefined ? undefined : openProblemsFile(problemsFile, after !== undefined);
  try {
    const report = await withProgress(label, json, (controls) =>
      operate({ ...controls, ...settingsOf(options, problems) }),
    );
    problems?.flush();
    const isShort = report.scanned < expectRecords;
    if (!isShort || !json) printResult(options, report, () => lines(report));
    if (!isShort) return exitCode(report);
    return reportFailure(new FewerRecords(report.scanned, expectRecords), json, { report });
  } catch (error) {
    const ended = error instanceof Interrupted ? error.cause : error;
    if (!(ended instanceof OperationError)) throw error;
    const report = ended.report as R;
    if (!json) printResult(options, report, () => [paint('bold', 'Until then:'), ...lines(report)]);
    const exit = reportFailure(error, json, { report, after: ended.after });
    if (!json) note(continuation(ended.after));
    flushOrNote(problems);
    return exit;
  } finally {
    problems?.close();
  }
}

/** After a failure, which counts for more than that of the file. */
function flushOrNote(problems: ProblemsFile | undefined): void {
  try {
    problems?.flush();
  } catch (error) {
    note((error as Error).message);
  }
}

function settingsOf(
  { batchSize, concurrency, maxPerSecond, part, range, after }: LongRunOptions,
  problems: ProblemsFile | undefined,
): LongOperationOptions {
  return {
    ...(batchSize !== undefined && { batchSize }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxPerSecond !== undefined && { maxPerSecond }),
    ...(part && { part }),
    ...(range && { range }),
    ...(after !== undefined && { after }),
    ...(problems && { onIssue: problems.add }),
  };
}

function continuation(after: string | undefined): string {
  return after === undefined
    ? 'What is written is complete. Run the same command again to do the rest.'
    : `What is written is complete. To go on with the rest, add: --after ${after}`;
}

// npm passes on the signal that a terminal has sent to the program already. So an operation has this time
// to come to its end, and to say where it was, even if a second signal follows at once.
const END_WITHIN_MS = 500;

/** Runs an operation with its progress shown, as {@link untilStopped}. */
export async function withProgress<T>(
  label: string,
  json: boolean,
  operate: (controls: Controls) => Promise<T>,
): Promise<T> {
  const progress = await startProgress(label);
  try {
    return await untilStopped(
      json,
      (signal) => operate({ signal, onProgress: progress.show }),
      progress.end, // before anything else is shown, because it brings back the cursor
    );
  } finally {
    progress.end();
  }
}

/**
 * Runs an operation. The first Ctrl-C or SIGTERM stops it between two steps, the second one at once.
 * Both are safe: a record is written whole or not at all.
 *
 * @param onStop - is called at the first of them
 * @throws Interrupted if it was stopped, with the operation's error as the cause
 */
export async function untilStopped<T>(
  json: boolean,
  operate: (signal: AbortSignal) => Promise<T>,
  onStop?: () => void,
): Promise<T> {
  const abort = new AbortController();
  let stopped: { readonly by: NodeJS.Signals; readonly at: number } | undefined;
  let exit: NodeJS.Timeout | undefined;
  const stop = (signal: NodeJS.Signals) => {
    onStop?.();
    if (stopped === undefined) {
      stopped = { by: signal, at: performance.now() };
      note('Stopping. Press Ctrl-C again to stop at once.');
      abort.abort();
      return;
    }
    exit ??= setTimeout(
      () => process.exit(reportFailure(new Interrupted(signal), json)),
      stopped.at + END_WITHIN_MS - performance.now(),
    );
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await operate(abort.signal);
  } catch (error) {
    if (stopped === undefined) throw error;
    throw new Interrupted(stopped.by, { cause: error });
  } finally {
    clearTimeout(exit);
    process.off('SIGINT', stop).off('SIGTERM', stop);
    if (stopped !== undefined) {
      // What is left is to say what was done, and to close the connections.
      const { exit: code } = new Interrupted(stopped.by);
      const exitSoon = () => setTimeout(() => process.exit(code), END_WITHIN_MS).unref();
      process.on('SIGINT', exitSoon).on('SIGTERM', exitSoon);
    }
  }
}
