import type { FakeTwilioAccount } from './accounts.ts';
import type { FakeTwilioCall, FakeTwilioMessage } from './sent.ts';

/** A resource in Twilio's form, as its SDK reads it. @internal */
export type Resource = Readonly<Record<string, unknown>>;

const NULL_IN_MESSAGES = ['price', 'price_unit', 'error_message', 'error_code', 'date_sent'];
const NULL_IN_CALLS = [
  ...['parent_call_sid', 'phone_number_sid', 'start_time', 'end_time', 'duration', 'price'],
  ...['answered_by', 'forwarded_from', 'group_sid', 'caller_name', 'trunk_sid'],
];

/** `api.v2010.account.message` @internal */
export function messageResource(message: FakeTwilioMessage): Resource {
  const { sid, status, body, from, to, messagingServiceSid } = message;
  return {
    ...common(message.accountSid, `/Messages/${sid}`, message.dateCreated),
    ...nulls(NULL_IN_MESSAGES),
    ...{ sid, status, body, from, to, direction: 'outbound-api' },
    messaging_service_sid: messagingServiceSid,
    num_media: String(message.mediaUrls.length),
    num_segments: messagingServiceSid === null ? segments(body) : '0',
  };
}

/** `api.v2010.account.call` @internal */
export function callResource({ sid, status, from, to, ...call }: FakeTwilioCall): Resource {
  return {
    ...common(call.accountSid, `/Calls/${sid}`, call.dateCreated),
    ...nulls(NULL_IN_CALLS),
    ...{ sid, status, from, to, direction: 'outbound-api' },
    to_formatted: formatted(to),
    from_formatted: formatted(from),
    price_unit: 'USD',
    queue_time: '0',
  };
}

/** `api.v2010.account`. As at Twilio, it holds the account's auth token. @internal */
export function accountResource(account: FakeTwilioAccount, since: Date): Resource {
  const { accountSid, authToken, status = 'active' } = account;
  return {
    ...common(accountSid, '', since),
    sid: accountSid,
    owner_account_sid: accountSid,
    friendly_name: 'My Account',
    status,
    type: 'Full',
    auth_token: authToken,
  };
}

/** `api.v2010.account.incoming_phone_number` @internal */
export function numberResource(accountSid: string, number: string, since: Date): Resource {
  const sid = `PN${Buffer.from(number).toString('hex').padStart(32, '0')}`;
  return {
    ...common(accountSid, `/IncomingPhoneNumbers/${sid}`, since),
    sid,
    phone_number: number,
    friendly_name: formatted(number),
    capabilities: { voice: true, sms: true, mms: true, fax: false },
    status: 'in-use',
  };
}

/** A list in one page, filtered by `To` and `From` of the query. @internal */
export function list(
  name: string,
  resources: readonly Resource[],
  query: URLSearchParams,
): Resource {
  const found = resources.filter(({ to, from }) => {
    return (query.get('To') ?? to) === to && (query.get('From') ?? from) === from;
  });
  return { [name]: found, page: 0, page_size: found.length, start: 0, next_page_uri: null };
}

function common(accountSid: string, path: string, created: Date): Resource {
  // As "Thu, 24 Aug 2023 05:01:45 +0000".
  const date = created.toUTCString().replace('GMT', '+0000');
  return {
    account_sid: accountSid,
    api_version: '2010-04-01',
    date_created: date,
    date_updated: date,
    uri: `/2010-04-01/Accounts/${accountSid}${path}.json`,
    subresource_uris: {},
  };
}

function nulls(names: readonly string[]): Resource {
  return Object.fromEntries(names.map((name) => [name, null]));
}

// North American numbers as "(500) 555-0100", any other address as it is.
function formatted(address: string): string {
  return address.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, '($1) $2-$3');
}

function segments(body: string): string {
  const [single, part] = /^[\n\r -~]*$/.test(body) ? [160, 153] : [70, 67];
  return String(body.length <= single ? 1 : Math.ceil(body.length / part));
}
