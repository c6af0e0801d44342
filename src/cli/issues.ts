import type { OperationIssue } from 'provider-vault';
import { table } from './output.ts';

const SHOWN = 20;

/**
 * What an operation could not deal with, for people: the first of them, and how many more there are.
 *
 * @param total - how many there are in all; `issues` may be the first of them
 * @internal
 */
export function linesOfIssues(
  title: string,
  total: number,
  issues: readonly OperationIssue[],
): string[] {
  if (total === 0) return [];
  const shown = issues.slice(0, SHOWN);
  const rows = shown.map(({ tenantId = '?', provider = '?', field, reason, keyId, source }) => [
    '',
    tenantId,
    field === undefined ? provider : `${provider}.${field}`,
    keyId === undefined ? reason : `${reason} (key ${keyId})`,
    source ?? '',
  ]);
  const more = total - shown.length;
  return [
    `${title}:`,
    ...table(rows),
    ...(more > 0 ? [`  and ${more.toLocaleString('en-US')} more; --json lists up to 1,000`] : []),
  ];
}
