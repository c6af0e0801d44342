import type { AuditEntry } from '../audit/audit-trail.ts';
import type { RecordView } from '../record.ts';
import type { FoundRecord } from './cached-records.ts';
import { type OpenedVersion, openRecord } from './seal.ts';
import type { VaultCore } from './vault-core.ts';

/** Opens a record for a caller, and notes in the audit event which fields of it were opened. @internal */
export async function openAudited(
  core: VaultCore,
  view: RecordView,
  entry: AuditEntry,
): Promise<OpenedVersion> {
  entry.rev = view.rev;
  entry.keyId = view.keyId;
  const opened = await openRecord(core, view);
  entry.fields = Object.keys(opened.fields);
  return opened;
}

/** {@link openAudited} of a record that was looked for; `undefined` where there is none. @internal */
export async function openFound(
  core: VaultCore,
  { view, source }: FoundRecord,
  entry: AuditEntry,
): Promise<{ opened: OpenedVersion; view: RecordView } | undefined> {
  entry.source = source;
  return view && { opened: await openAudited(core, view, entry), view };
}
