import type { OperationIssue } from 'provider-vault';
import { table } from './output.ts';

const SHOWN = 20;

/**
 * The issues of a report for people: the first few, and how many more there are.
 *
 * @param total - how many there are in all; `issues` may hold only the first of them
 */
export function linesOfIssues(
  title: string,
  total: number,
  issues: readonly OperationIssue[],
): string[] {
  if (total === 0) return [];
  const shown = issues.slice(0, SHOWN);
  const rows = shown.map(
    ({ tenantId = '?', provider = '?', field, rev, reason, keyId, source }) => [
      '',
      tenantId,
      `${provider}${field === undefined ? '' : `.${field}`}${rev === undefined ? '' : ` revision ${rev}`}`,
      keyId === undefined ? reason : `${reason} (key ${keyId})`,
      source ?? '',
    ],
  );
  const more = total - shown.length;
  return [
    `${title}:`,
    ...table(rows),
    ...(more > 0
      ? [`  and ${more.toLocaleString('en-US')} more; --problems-file lists them all`]
      : []),
  ];
}
