import { appendFileSync, closeSync, fchmodSync, fstatSync, openSync, readSync } from 'node:fs';
import { type OperationIssue, VaultError } from 'provider-vault';
import { UsageError } from './errors.ts';

/** A file of problems, one JSON object per line. */
export interface ProblemsFile {
  add(issue: OperationIssue, list: string): void;
  /** Writes what is still in memory. @throws VaultError `ERR_STORE_FAILED` */
  flush(): void;
  close(): void;
}

const BUFFER_CHARACTERS = 64 * 1024;
const BEGINNING = '{"list":';
const ONLY_OWNER = 0o600;

/**
 * Makes the file, readable by its owner only. One that has something in it is left alone, unless the
 * run goes on after another one: then it must be a file of problems, to which this run adds its own.
 *
 * @throws UsageError
 */
export function openProblemsFile(path: string, goesOn: boolean): ProblemsFile {
  const file = open(path, goesOn);
  let buffered = '';
  const flush = () => {
    try {
      appendFileSync(file, buffered);
      buffered = '';
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new VaultError(
        'ERR_STORE_FAILED',
        `The problems file ${path} is not written (${code}).`,
      );
    }
  };
  return {
    add: (issue, list) => {
      buffered += `${JSON.stringify({ list, ...issue })}\n`;
      if (buffered.length >= BUFFER_CHARACTERS) flush();
    },
    flush,
    close: () => closeSync(file),
  };
}

function open(path: string, goesOn: boolean): number {
  let file: number;
  try {
    file = openSync(path, 'a+', ONLY_OWNER);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`The problems file ${path} cannot be written (${code}).`);
  }
  try {
    const stats = fstatSync(file);
    if (stats.size > 0 && !goesOn) {
      throw new UsageError(
        `The problems file ${path} is not empty. Remove it, or name another one; --after adds to it.`,
      );
    }
    if (stats.size > 0) endLastLine(file, stats.size, path);
    if (stats.isFile()) fchmodSync(file, ONLY_OWNER);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** A process that was killed may have written a part of a line. */
function endLastLine(file: number, size: number, path: string): void {
  const read = (length: number, position: number) => {
    const bytes = Buffer.alloc(length);
    return bytes.toString('latin1', 0, readSync(file, bytes, 0, length, position));
  };
  if (read(BEGINNING.length, 0) !== BEGINNING) {
    throw new UsageError(`${path} is not a file of problems, and is left as it is.`);
  }
  if (read(1, size - 1) !== '\n') appendFileSync(file, '\n');
}
