import { resolve } from 'node:path';
import { invalidArgument } from '../../errors.ts';
import type { FileFormat } from './format.ts';
import type { RecordFile } from './record-file.ts';

/**
 * A store's file, whose code is loaded by the first call: few applications use one.
 *
 * @param owner - begins the message of the error
 * @throws VaultError `ERR_INVALID_ARGUMENT` for anything but a path
 * @internal
 */
export function openOnUse(
  owner: string,
  path: string,
  format: FileFormat,
): () => Promise<RecordFile> {
  if (typeof path !== 'string' || path === '') {
    throw invalidArgument(`${owner} needs the path of a file.`);
  }
  const absolute = resolve(path);
  let file: Promise<RecordFile> | undefined;
  return () => {
    file ??= import('./record-file.ts').then(({ RecordFile }) => new RecordFile(absolute, format));
    return file;
  };
}
