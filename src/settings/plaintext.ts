import { isVaultError } from '../errors.ts';
import { assertTenantId, describeType } from '../record/ref.ts';
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

/** One that cannot be placed, and why. @internal */
export interface UnplacedField {
  readonly tenantId: string | undefined;
  readonly provider: string;
  readonly field: string;
  readonly source: string;
  readonly reason: string;
}

/** Whose a document is, or why that cannot be told. @internal */
export type Tenant = { readonly id: string } | { readonly id: undefined; readonly reason: string };

/**
 * The tenant of a document. Nothing is guessed: an ObjectId and a whole number have one obvious
 * text, and anything else that is no text is no tenant.
 *
 * @internal
 */
export function tenantOfDocument(
  { values }: SettingsDocument,
  tenantOf: (document: Readonly<Record<string, unknown>>) => unknown,
): Tenant {
  let value: unknown;
  try {
    value = tenantOf(values);
  } catch {
    return { id: undefined, reason: 'tenantOf failed on the document' };
  }
  const isId =
    Number.isSafeInteger(value) || (value as { _bsontype?: unknown })?._bsontype === 'ObjectId';
  const id = isId ? String(value) : value;
  try {
    assertTenantId(id);
    return { id };
  } catch (error) {
    if (!isVaultError(error)) throw error;
    return { id: undefined, reason: 'the document does not tell its tenant' };
  }
}

/**
 * The credentials in one document. Of a document that tells no tenant, and where a value is no
 * text, they are unplaced.
 *
 * @internal
 */
export function readPlaintext(
  document: SettingsDocument,
  tenant: Tenant,
  sourceName: string,
  mapping: ResolvedMapping,
): { fields: PlaintextField[]; unplaced: UnplacedField[] } {
  const source = `${sourceName}/${String(document.id)}`;
  const fields: PlaintextField[] = [];
  const unplaced: UnplacedField[] = [];
  for (const [key, target] of mapping) {
    const original = Object.hasOwn(document.values, key) ? document.values[key] : undefined;
    const value = textOf(original);
    if (value === '') continue;
    if (tenant.id === undefined) {
      unplaced.push({ tenantId: undefined, ...target, source, reason: tenant.reason });
    } else if (value === undefined) {
      const reason = `the value is ${describeType(original)}, not a text`;
      unplaced.push({ tenantId: tenant.id, ...target, source, reason });
    } else {
      fields.push({ tenantId: tenant.id, ...target, value, original, key, document, source });
    }
  }
  return { fields, unplaced };
}

/** A value without white space around it, `""` where there is none; `undefined` if it is no text. */
function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
