import { assertObject } from '../clients/credentials.ts';
import { auditRefusal, auditSubject, locate, type Target } from '../core/audited.ts';
import { assertOptions, type ReadOptions } from '../core/options.ts';
import { traced } from '../core/tracing.ts';
import { untilEnded } from '../core/until-ended.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import { rotate } from '../lifecycle/rotation.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import type { ProviderRef } from '../providers/fields.ts';
import type { RotationDefinition } from '../providers/rotation.ts';
import { assertSendGridOptions } from '../sendgrid/build-client.ts';
import { sendgridRotation } from '../sendgrid/rotation.ts';
import { twilioRotation } from '../twilio/rotation.ts';
import type { TwilioSdkOptions } from '../twilio/sdk-types.ts';

/**
 * Options of {@link rotateCredential}.
 *
 * @public
 */
export interface RotateOptions extends ReadOptions {
  /** The tenant. */
  readonly tenantId: string;
  /** The provider: `twilio`, `sendgrid`, or one whose definition has `rotate`. */
  readonly provider: ProviderRef;
  /**
   * Milliseconds for which both credentials work, so that every process has the new one before the old
   * one ends: more than the `ttlMs` of your caches.
   *
   * @defaultValue 60,000
   */
  readonly graceMs?: number;
  /** Twilio: the SDK's own options. */
  readonly client?: TwilioSdkOptions;
  /** SendGrid: another address of the API. It gets the API keys. */
  readonly baseUrl?: string;
}

/**
 * What {@link rotateCredential} did.
 *
 * @public
 */
export interface RotateResult {
  readonly tenantId: string;
  readonly provider: string;
  /** The fields that have a new value. */
  readonly fields: readonly string[];
}

const DEFAULT_GRACE_MS = 60_000;

/** How the credentials of a provider are replaced; `undefined` where it is not known. @internal */
export function rotationOf(
  definition: ProviderDefinition | undefined,
  { client, baseUrl }: Pick<RotateOptions, 'client' | 'baseUrl'>,
): RotationDefinition | undefined {
  if (definition?.rotate !== undefined) return definition.rotate;
  if (definition?.name === 'twilio') return twilioRotation({ ...(client && { client }) });
  if (definition?.name === 'sendgrid') return sendgridRotation({ ...(baseUrl && { baseUrl }) });
  return undefined;
}

/**
 * Does the work of `rotateCredential`.
 *
 * @param writtenBefore - leaves credentials alone whose record was written later, in ms
 * @internal
 */
export async function runRotation(
  core: VaultCore,
  options: RotateOptions,
  writtenBefore?: number,
): Promise<RotateResult> {
  assertObject(options);
  const { tenantId, provider, graceMs = DEFAULT_GRACE_MS } = options;
  const { ref, definition, rotation } = await auditRefusal(
    core,
    'rotate-credential',
    tenantId,
    provider,
    options,
    () => checkedRotation(core, options),
  );
  const subject = auditSubject('rotate-credential', ref, options);
  return core.trail.run(subject, async (entry) => {
    const run = { definition, rotation, graceMs, writtenBefore, options };
    // Not given up at once, so that the lease is given back.
    const replace = () => untilEnded(rotate(core, ref, run), options.signal);
    const fields = await traced('rotateCredential', core.owner, replace, () => ref);
    entry.fields = fields;
    return { ...ref, fields };
  });
}

function checkedRotation(core: VaultCore, options: RotateOptions) {
  const { tenantId, provider, graceMs = 0 } = options;
  assertOptions(options);
  assertSendGridOptions(options);
  if (!(Number.isFinite(graceMs) && graceMs >= 0)) {
    throw invalidArgument('graceMs must be milliseconds.');
  }
  const { ref, definition }: Target = locate(core, tenantId, provider);
  const rotation = rotationOf(definition, options);
  if (definition === undefined || rotation === undefined) {
    throw invalidArgument(
      `The credentials of provider "${ref.provider}" cannot be replaced: its definition has no "rotate".`,
    );
  }
  return { ref, definition, rotation };
}
