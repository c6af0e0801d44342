import { isVaultError } from '../errors.ts';
import { assertTenantId, describeType } from '../record/ref.ts';
import type { OperationIssue } from './long-operation.ts';
import type { ResolvedMapping } from './settings-mapping.ts';
import type { SettingsDocument } from './settings-source.ts';

/** One credential in the clear, and where it was found. @internal */
export interface PlaintextField {
  readonly tenantId: string;
  readonly provider: string;
  readonly field: string;
  /** As it is sealed: text without white space around it. */
  readonly value: string;
  /** As it is in the source, to be erased only where it still is. */
  readonly original: unknown;
  /** Its name in the source. */
  readonly key: string;
  readonly document: SettingsDocument;
  /** For reports. */
  readonly source: string;
}

/** What one document of settings holds in the clear. @internal */
export interface PlaintextDocument {
  readonly fields: readonly PlaintextField[];
  readonly failed: readonly OperationIssue[];
}

/**
 * The credentials in one document. A document that tells no tenant, and a value that is no text,
 * are failures: nothing is guessed.
 *
 * @internal
 */
export function readPlaintext(
  document: SettingsDocument,
  sourceName: string,
  mapping: ResolvedMapping,
  tenantOf: (document: Readonly<Record<string, unknown>>) => unknown,
): PlaintextDocument {
  const source = `${sourceName}/${String(document.id)}`;
  const found = [...mapping]
    .map(([key, target]) => ({ key, target, original: document.values[key] }))
    .filter(({ key, original }) => Object.hasOwn(document.values, key) && !isEmpty(original));
  if (found.length === 0) return { fields: [], failed: [] };

  const tenant = tenantIdOf(tenantOf(document.values));
  const fields: PlaintextField[] = [];
  const failed: OperationIssue[] = [];
  for (const { key, target, original } of found) {
    const text = textOf(original);
    if (typeof tenant !== 'string') {
      failed.push({ tenantId: undefined, ...target, source, reason: tenant.reason });
    } else if (text === undefined) {
      const reason = `the value is ${describeType(original)}, not a text`;
      failed.push({ tenantId: tenant, ...target, source, reason });
    } else {
      fields.push({ tenantId: tenant, ...target, value: text, original, key, document, source });
    }
  }
  return { fields, failed };
}

function isEmpty(value: unknown): boolean {
  return (
    value === null || value === undefined || (typeof value === 'string' && value.trim() === '')
  );
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function tenantIdOf(value: unknown): string | { reason: string } {
  // An ObjectId and a number have one obvious text; anything else is not guessed at.
  const isId =
    typeof value === 'number' || (value as { _bsontype?: unknown })?._bsontype === 'ObjectId';
  const tenantId = isId ? String(value) : value;
  try {
    assertTenantId(tenantId);
    return tenantId;
  } catch (error) {
    if (!isVaultError(error)) throw error;
    return { reason: 'the document does not tell its tenant' };
  }
}
