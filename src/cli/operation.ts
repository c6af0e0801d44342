import { closeSync, openSync, writeSync } from 'node:fs';
import { type LongOperationOptions, OperationError, type OperationIssue } from 'provider-vault';
import { Interrupted, reportFailure, UsageError } from './errors.ts';
import type { ExitCode } from './exit-codes.ts';
import type { LongRunOptions } from './options.ts';
import { note, paint, printResult } from './output.ts';
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
export async function runOperation<R extends object>(
  label: string,
  options: LongRunOptions,
  operate: (settings: LongOperationOptions) => Promise<R>,
  { lines, exitCode }: Presentation<R>,
): Promise<ExitCode> {
  const { json = false, problemsFile, batchSize, concurrency, maxPerSecond, part, after } = options;
  const problems = problemsFile === undefined ? undefined : openProblems(problemsFile, after);
  const settings = {
    ...(batchSize !== undefined && { batchSize }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxPerSecond !== undefined && { maxPerSecond }),
    ...(part && { part }),
    ...(after !== undefined && { after }),
    ...(problems && { onIssue: problems.add }),
  };
  try {
    const report = await withProgress(label, json, (controls) =>
      operate({ ...controls, ...settings }),
    );
    printResult(options, report, () => lines(report));
    return exitCode(report);
  } catch (error) {
    const ended = error instanceof Interrupted ? error.cause : error;
    if (!(ended instanceof OperationError)) throw error;
    const report = ended.report as R;
    if (!json) printResult(options, report, () => [paint('bold', 'Until then:'), ...lines(report)]);
    const exit = reportFailure(error, json, { report, after: ended.after });
    if (!json) note(continuation(ended.after));
    return exit;
  } finally {
    problems?.close();
  }
}

function continuation(after: string | undefined): string {
  return after === undefined
    ? 'What is written is complete. Run the same command again to do the rest.'
    : `What is written is complete. To go on with the rest, add: --after ${after}`;
}

/**
 * Runs an operation with its progress shown. The first Ctrl-C or SIGTERM stops it between two
 * batches, the second one at once. Both are safe: a record is written whole or not at all.
 *
 * @throws Interrupted if it was stopped, with the operation's error as the cause
 */
export async function withProgress<T>(
  label: string,
  json: boolean,
  operate: (controls: Controls) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const progress = await startProgress(label);
  let stoppedBy: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    progress.end(); // before anything else, because it brings back the cursor
    if (stoppedBy !== undefined) process.exit(reportFailure(new Interrupted(signal), json));
    stoppedBy = signal;
    note('Stopping. Press Ctrl-C again to stop at once.');
    abort.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await operate({ signal: abort.signal, onProgress: progress.show });
  } catch (error) {
    if (stoppedBy === undefined) throw error;
    throw new Interrupted(stoppedBy, { cause: error });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    progress.end();
  }
}

const BUFFER_CHARACTERS = 64 * 1024;

/** A file of problems, one JSON object per line; a run that goes on after another appends. */
function openProblems(path: string, after: string | undefined) {
  let file: number;
  try {
    file = openSync(path, after === undefined ? 'w' : 'a', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`The problems file ${path} cannot be written (${code}).`);
  }
  let buffered = '';
  const flush = () => {
    writeSync(file, buffered);
    buffered = '';
  };
  return {
    add: (issue: OperationIssue, list: string) => {
      buffered += `${JSON.stringify({ list, ...issue })}\n`;
      if (buffered.length >= BUFFER_CHARACTERS) flush();
    },
    close: () => {
      flush();
      closeSync(file);
    },
  };
}
