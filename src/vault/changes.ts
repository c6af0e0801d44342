import { audited } from '../core/audited.ts';
import type { WriteOptions } from '../core/options.ts';
import { type OpenedVersion, openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { writeRecord } from '../core/write.ts';
import {
  applyChanges,
  emptyFields,
  fieldEntries,
  type ProviderRef,
  sameFields,
} from '../providers/fields.ts';
import { recordInfo, type SecretInfo } from '../record.ts';
import { assertSecretsEnteredAgain, formChanges } from './form-changes.ts';
import {
  assertStatusOptions,
  type ProviderStatus,
  type StatusOptions,
  statusOf,
} from './status.ts';

/** Merges `changes` into the stored fields, also while others write. @internal */
export async function patchRecord(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  changes: object,
  options: WriteOptions,
): Promise<SecretInfo> {
  return audited(core, 'patch', tenantId, provider, options, async ({ ref, definition }, entry) => {
    applyChanges(emptyFields(), changes, ref.provider, definition); // refuse before the store is asked
    entry.fields = Object.keys(changes);
    const written = await writeRecord(core, ref, options, entry, async (stored) => {
      const current = stored ? (await openVersion(core, stored.ref, stored)).fields : emptyFields();
      const fields = applyChanges(current, changes, ref.provider, definition);
      assertSecretsEnteredAgain(changes, current, definition);
      return sameFields(current, fields) ? undefined : { fields, definition };
    });
    return written ? recordInfo(written) : nothingStored(ref.tenantId, ref.provider);
  });
}

/** Merges a submitted form into the stored fields; a form that changes nothing writes nothing. @internal */
export async function applyForm(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  form: object,
  options: WriteOptions & StatusOptions,
): Promise<ProviderStatus> {
  return audited(core, 'patch', tenantId, provider, options, async (target, entry) => {
    const { ref, definition } = target;
    fieldEntries(form, ref.provider); // refuse before the store is asked
    assertStatusOptions(options);
    let opened: OpenedVersion | undefined;
    const view = await writeRecord(core, ref, options, entry, async (stored) => {
      opened = stored && (await openVersion(core, stored.ref, stored));
      const current = opened?.fields ?? emptyFields();
      const changes = formChanges(form, current, ref.provider, definition);
      entry.fields = Object.keys(changes);
      if (entry.fields.length === 0) return undefined;
      const fields = applyChanges(current, changes, ref.provider, definition);
      opened = { fields, bound: true };
      return { fields, definition };
    });
    return statusOf(target, view && opened && { view, ...opened }, options);
  });
}

/** The result of an empty patch where nothing is stored. */
function nothingStored(tenantId: string, provider: string): SecretInfo {
  const unknown = { keyId: undefined, createdAt: undefined, updatedAt: undefined };
  return { tenantId, provider, rev: 0, etag: '', ...unknown };
}
