import type { OperationIssue } from '../maintenance/long-operation.ts';
import { assertTenantId, describeType } from '../names.ts';
import { MAX_VALUE_BYTES, matches } from '../providers/fields.ts';
import { holdsPlaceholder } from '../providers/mask.ts';
import type { MappedField, ResolvedMapping } from './mapping.ts';
import type { SettingsDocument, SettingsSource } from './settings-source.ts';

/** One document of settings, where it is from, and whose it is. @internal */
export interface FoundDocument {
  readonly document: SettingsDocument;
  readonly source: SettingsSource;
  readonly tenant: Tenant;
}

/** The tenant of a document, or why it is unknown. @internal */
export type Tenant =
  | { readonly id: string; readonly reason?: undefined }
  | { readonly id: undefined; readonly reason: string };

/** One credential in the clear, and where it was found. @internal */
export interface PlaintextField extends MappedField {
  readonly tenantId: string;
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

/** Returns the tenant of a document. @internal */
export type TenantOf = (document: Readonly<Record<string, unknown>>) => unknown;

/** The tenant of a document: a string, or the text of an ObjectId or whole number. @internal */
export function tenantOfDocument({ values }: SettingsDocument, tenantOf: TenantOf): Tenant {
  let value: unknown;
  try {
    value = tenantOf(values);
  } catch {
    return { id: undefined, reason: 'tenantOf failed on the document' };
  }
  if (value === undefined || value === null) {
    return { id: undefined, reason: 'the document names no tenant' };
  }
  const isId =
    Number.isSafeInteger(value) || (value as { _bsontype?: unknown })._bsontype === 'ObjectId';
  const id = isId ? String(value) : value;
  try {
    assertTenantId(id);
    return { id };
  } catch (error) {
    return { id: undefined, reason: `the tenant's id is refused: ${(error as Error).message}` };
  }
}

/** The credentials in one document, and an issue for each value that cannot be migrated. @internal */
export function readPlaintext(
  { document, source: { name }, tenant }: FoundDocument,
  mapping: ResolvedMapping,
): { fields: PlaintextField[]; issues: OperationIssue[] } {
  const source = `${name}/${String(document.id)}`;
  const fields: PlaintextField[] = [];
  const issues: OperationIssue[] = [];
  const unusable = document.problem ?? tenant.reason;
  for (const [key, target] of mapping) {
    const original = Object.hasOwn(document.values, key) ? document.values[key] : undefined;
    // `false` means "not set", too.
    if (original === undefined || original === null || original === false) continue;
    const { provider, field, pattern } = target;
    const isText = typeof original === 'string' || isNumeric(original, pattern);
    const value = isText ? String(original).trim() : '';
    if (isText && value === '') continue;
    const problem = unusable ?? (isText ? problemOf(value, field) : wrongType(original));
    if (tenant.id === undefined || problem !== undefined) {
      const reason = problem as string;
      issues.push({ tenantId: tenant.id, provider, field, source, reason });
    } else {
      fields.push({ ...target, tenantId: tenant.id, value, original, key, document, source });
    }
  }
  if (document.problem !== undefined && issues.length === 0) {
    issues.push({ tenantId: tenant.id, provider: undefined, source, reason: document.problem });
  }
  return { fields, issues };
}

/** Whether a value is a number whose digits, and only digits, the pattern of its field takes. */
function isNumeric(value: unknown, pattern: RegExp | undefined): boolean {
  if (pattern === undefined || !Number.isSafeInteger(value)) return false;
  const digits = String(value);
  return matches(pattern, digits) && !matches(pattern, digits.replace(/\d/, 'a'));
}

function wrongType(value: unknown): string {
  const what = typeof value === 'object' ? describeType(value) : `a ${typeof value}`;
  return `the value is ${what}, not a text`;
}

function problemOf(value: string, field: string): string | undefined {
  if (holdsPlaceholder(value)) return 'the value is a mask, not a credential';
  const bytes = Buffer.byteLength(value);
  if (bytes <= MAX_VALUE_BYTES) return undefined;
  return `field "${field}" has ${bytes} bytes; a value may have at most ${MAX_VALUE_BYTES}`;
}
