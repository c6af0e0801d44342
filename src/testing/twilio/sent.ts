import { randomBytes } from 'node:crypto';

/**
 * A message that the stand-in accepted.
 *
 * @public
 */
export interface FakeTwilioMessage {
  /** `SM` and 32 hex digits. */
  readonly sid: string;
  /** SID of the account that sent it. */
  readonly accountSid: string;
  /** The recipient, as given. */
  readonly to: string;
  /** The sender, `null` when a messaging service chooses one. */
  readonly from: string | null;
  /** The messaging service, `null` without one. */
  readonly messagingServiceSid: string | null;
  /** The text, `''` without one. */
  readonly body: string;
  /** The media, in order. */
  readonly mediaUrls: readonly string[];
  /** `queued`, or `accepted` when a messaging service sends it. */
  readonly status: 'queued' | 'accepted';
  /** When it was accepted. */
  readonly dateCreated: Date;
}

/**
 * A call that the stand-in accepted.
 *
 * @public
 */
export interface FakeTwilioCall {
  /** `CA` and 32 hex digits. */
  readonly sid: string;
  /** SID of the account that made it. */
  readonly accountSid: string;
  /** Who is called, as given. */
  readonly to: string;
  /** The caller id, as given. */
  readonly from: string;
  /** The URL of its TwiML, `null` without one. */
  readonly url: string | null;
  /** Its TwiML, `null` without one. */
  readonly twiml: string | null;
  /** The application that handles it, `null` without one. */
  readonly applicationSid: string | null;
  /** Always `queued`. */
  readonly status: 'queued';
  /** When it was accepted. */
  readonly dateCreated: Date;
}

/** The message that a form asks for. @internal */
export function newMessage(accountSid: string, form: URLSearchParams): FakeTwilioMessage {
  const messagingServiceSid = form.get('MessagingServiceSid');
  return {
    sid: `SM${randomBytes(16).toString('hex')}`,
    accountSid,
    to: form.get('To') ?? '',
    from: form.get('From'),
    messagingServiceSid,
    body: form.get('Body') ?? '',
    mediaUrls: form.getAll('MediaUrl'),
    status: messagingServiceSid === null ? 'queued' : 'accepted',
    dateCreated: new Date(),
  };
}

/** The call that a form asks for. @internal */
export function newCall(accountSid: string, form: URLSearchParams): FakeTwilioCall {
  return {
    sid: `CA${randomBytes(16).toString('hex')}`,
    accountSid,
    to: form.get('To') ?? '',
    from: form.get('From') ?? '',
    url: form.get('Url'),
    twiml: form.get('Twiml'),
    applicationSid: form.get('ApplicationSid'),
    status: 'queued',
    dateCreated: new Date(),
  };
}
