/**
 * Whether a webhook is genuine. Look at `ok`: the result itself is an object, and so always true.
 *
 * @public
 */
export interface WebhookVerification {
  /** Whether the message is from the provider, and meant for this tenant. */
  readonly ok: boolean;
  /** Why not; `valid` if it is. */
  readonly reason: WebhookReason;
  /** Which of Twilio's two auth tokens signed it. */
  readonly matched?: 'primary' | 'secondary';
}

/**
 * Why a webhook is genuine or not.
 *
 * - `missing_signature`: there is none, or it is no text
 * - `malformed_signature`: it has not the form of one
 * - `signature_mismatch`: another key, another URL, or an altered message
 * - `missing_body`: the URL tells of a body (`bodySHA256`), and `rawBody` was not given
 * - `body_mismatch`: the body is not the one that the signed URL tells of
 * - `missing_timestamp`, `timestamp_out_of_range`: too old or from the future; perhaps a replay
 *
 * @public
 */
export type WebhookReason =
  | 'valid'
  | 'missing_signature'
  | 'malformed_signature'
  | 'signature_mismatch'
  | 'missing_body'
  | 'body_mismatch'
  | 'missing_timestamp'
  | 'timestamp_out_of_range';

/** @internal */
export function refused(reason: WebhookReason): WebhookVerification {
  return { ok: false, reason };
}
