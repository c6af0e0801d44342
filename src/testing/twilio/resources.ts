import { createHash } from 'node:crypto';
import type { FakeTwilioAccount } from './accounts.ts';
import type { FakeTwilioCall, FakeTwilioMessage } from './sent.ts';

const API_VERSION = '2010-04-01';

/**
 * The `api.v2010.account.message` resource.
 *
 * @internal
 */
export function messageResource(message: FakeTwilioMessage): Record<string, unknown> {
  const uri = `/${API_VERSION}/Accounts/${message.accountSid}/Messages/${message.sid}`;
  return {
    ...common(message, uri),
    body: message.body,
    num_segments: message.messagingServiceSid === null ? segmentsOf(message.body) : '0',
    direction: 'outbound-api',
    from: message.from,
    to: message.to,
    price: null,
    price_unit: null,
    error_message: null,
    error_code: null,
    num_media: String(message.mediaUrls.length),
    messaging_service_sid: message.messagingServiceSid,
    date_sent: null,
    subresource_uris: { media: `${uri}/Media.json` },
  };
}

/**
 * The `api.v2010.account.call` resource.
 *
 * @internal
 */
export function callResource(call: FakeTwilioCall): Record<string, unknown> {
  const uri = `/${API_VERSION}/Accounts/${call.accountSid}/Calls/${call.sid}`;
  return {
    ...common(call, uri),
    parent_call_sid: null,
    to: call.to,
    to_formatted: formatted(call.to),
    from: call.from,
    from_formatted: formatted(call.from),
    phone_number_sid: E164_US.test(call.from) ? sidOf('PN', call.accountSid + call.from) : null,
    start_time: null,
    end_time: null,
    duration: null,
    price: null,
    price_unit: 'USD',
    direction: 'outbound-api',
    answered_by: null,
    forwarded_from: null,
    group_sid: null,
    caller_name: null,
    queue_time: '0',
    trunk_sid: null,
    subresource_uris: subresources(uri, [
      ['notifications', 'Notifications'],
      ['recordings', 'Recordings'],
      ['payments', 'Payments'],
      ['events', 'Events'],
      ['siprec', 'Siprec'],
      ['streams', 'Streams'],
      ['transcriptions', 'Transcriptions'],
      ['user_defined_message_subscriptions', 'UserDefinedMessageSubscriptions'],
      ['user_defined_messages', 'UserDefinedMessages'],
    ]),
  };
}

/**
 * The `api.v2010.account` resource. As at Twilio, it holds the account's auth token.
 *
 * @internal
 */
export function accountResource(account: FakeTwilioAccount, since: Date): Record<string, unknown> {
  const uri = `/${API_VERSION}/Accounts/${account.accountSid}`;
  return {
    sid: account.accountSid,
    owner_account_sid: account.ownerAccountSid ?? account.accountSid,
    friendly_name: account.friendlyName ?? 'My Account',
    status: account.status ?? 'active',
    type: 'Full',
    auth_token: account.authToken,
    date_created: rfc2822(since),
    date_updated: rfc2822(since),
    uri: `${uri}.json`,
    subresource_uris: subresources(uri, [
      ['calls', 'Calls'],
      ['incoming_phone_numbers', 'IncomingPhoneNumbers'],
      ['messages', 'Messages'],
    ]),
  };
}

/**
 * The `api.v2010.account.incoming_phone_number` resource.
 *
 * @internal
 */
export function phoneNumberResource(
  accountSid: string,
  number: string,
  since: Date,
): Record<string, unknown> {
  const sid = sidOf('PN', accountSid + number);
  return {
    sid,
    account_sid: accountSid,
    api_version: API_VERSION,
    phone_number: number,
    friendly_name: formatted(number),
    capabilities: { voice: true, sms: true, mms: true, fax: false },
    date_created: rfc2822(since),
    date_updated: rfc2822(since),
    uri: `/${API_VERSION}/Accounts/${accountSid}/IncomingPhoneNumbers/${sid}.json`,
    address_requirements: 'none',
    address_sid: null,
    beta: false,
    bundle_sid: null,
    emergency_address_sid: null,
    emergency_address_status: 'unregistered',
    emergency_status: 'Inactive',
    identity_sid: null,
    origin: 'twilio',
    sms_application_sid: '',
    sms_fallback_method: 'POST',
    sms_fallback_url: '',
    sms_method: 'POST',
    sms_url: '',
    status: 'in-use',
    status_callback: '',
    status_callback_method: 'POST',
    trunk_sid: null,
    type: 'local',
    voice_application_sid: '',
    voice_caller_id_lookup: false,
    voice_fallback_method: 'POST',
    voice_fallback_url: '',
    voice_method: 'POST',
    voice_receive_mode: 'voice',
    voice_url: '',
  };
}

function common(sent: FakeTwilioMessage | FakeTwilioCall, uri: string): Record<string, unknown> {
  return {
    sid: sent.sid,
    account_sid: sent.accountSid,
    api_version: API_VERSION,
    status: sent.status,
    date_created: rfc2822(sent.dateCreated),
    date_updated: rfc2822(sent.dateCreated),
    uri: `${uri}.json`,
  };
}

function subresources(
  uri: string,
  names: readonly (readonly [key: string, path: string])[],
): Record<string, string> {
  return Object.fromEntries(names.map(([key, path]) => [key, `${uri}/${path}.json`]));
}

/** `Thu, 24 Aug 2023 05:01:45 +0000`, to the second. */
function rfc2822(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

const E164_US = /^\+1(\d{3})(\d{3})(\d{4})$/;

function formatted(address: string): string {
  return address.replace(E164_US, '($1) $2-$3');
}

/** The same SID for the same thing every time. */
function sidOf(prefix: string, thing: string): string {
  return prefix + createHash('sha256').update(thing).digest('hex').slice(0, 32);
}

/** 160 characters of plain text a segment, 153 in a longer one; 70 and 67 with other characters. */
function segmentsOf(body: string): string {
  const [single, part] = /^[\n\r -~]*$/.test(body) ? [160, 153] : [70, 67];
  return String(body.length <= single ? 1 : Math.ceil(body.length / part));
}
