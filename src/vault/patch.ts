import { applyChanges, emptyFields, entriesOf, type ProviderRef } from '../providers/fields.ts';
import type { SecretInfo } from '../record/record.ts';
import { formChanges } from './form.ts';
import { operate } from './operation.ts';
import type { WriteOptions } from './operation-options.ts';
import type { OpenedVersion } from './sealer.ts';
import { type ProviderStatus, type StatusOptions, statusOf } from './status.ts';
import type { VaultCore } from './vault-core.ts';

/** Merges `changes` into what is stored, whoever writes at the same time. @internal */
export async function patchRecord(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  changes: object,
  options: WriteOptions,
): Promise<SecretInfo> {
  return operate(core, 'patch', tenantId, provider, options, async (target, entry) => {
    const { ref, definition } = target;
    applyChanges(emptyFields(), changes, ref.provider, definition); // refuse before the store is asked
    entry.fields = Object.keys(changes);
    return core.write(
      ref,
      options,
      async (stored) => {
        const current = stored && (await core.sealer.openRecord(stored));
        return applyChanges(current?.fields ?? emptyFields(), changes, ref.provider, definition);
      },
      entry,
    );
  });
}

/** Merges a submitted form into what is stored; where it changes nothing, nothing is written. @internal */
export async function applyForm(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  form: object,
  options: WriteOptions & StatusOptions,
): Promise<ProviderStatus> {
  return operate(core, 'patch', tenantId, provider, options, async (target, entry) => {
    const { ref, definition } = target;
    entriesOf(form, ref.provider); // refuse before the store is asked
    let result: OpenedVersion | undefined;
    const info = await core.write(
      ref,
      options,
      async (stored) => {
        const current = stored && (await core.sealer.openRecord(stored));
        const fields = current?.fields ?? emptyFields();
        const changes = formChanges(form, fields, ref.provider, definition);
        entry.fields = Object.keys(changes);
        result = current;
        if (entry.fields.length === 0) return undefined;
        const next = applyChanges(fields, changes, ref.provider, definition);
        result = { fields: next, bound: true };
        return next;
      },
      entry,
    );
    return statusOf(target, info && result && { ...result, info }, options);
  });
}
