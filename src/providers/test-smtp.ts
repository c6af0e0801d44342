import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ConnectionProblem, ConnectionResult, TestContext } from './connection-result.ts';

const TLS_PORT = 465;
const DEFAULT_PORT = '587';
const MAX_REPLY_CHARACTERS = 16_384;

type SmtpField = 'hostname' | 'port' | 'username' | 'password';

/**
 * Signs in at a mail server, and sends nothing: EHLO, STARTTLS, AUTH, QUIT. The password leaves only
 * through TLS with a valid certificate; a loopback address needs none.
 *
 * @internal
 */
export async function testSmtp(context: TestContext<SmtpField>): Promise<ConnectionResult> {
  const { fields, signal, allowPrivateAddresses } = context;
  const { hostname = '', port = DEFAULT_PORT, username = '', password = '' } = fields;
  let conversation: Conversation | undefined;
  try {
    const { address, isPrivate } = await resolve(hostname);
    if (isPrivate && !allowPrivateAddresses) {
      return problem('not_allowed', `${hostname} is an address of a private network.`);
    }
    const isTls = Number(port) === TLS_PORT;
    conversation = new Conversation(address, Number(port), hostname, isTls, signal);
    await conversation.reply(220);
    let offers = await conversation.ask('EHLO [127.0.0.1]', 250);
    if (!isTls && /^STARTTLS\b/im.test(offers)) {
      await conversation.ask('STARTTLS', 220);
      conversation.secure();
      offers = await conversation.ask('EHLO [127.0.0.1]', 250);
    } else if (!isTls && !LOOPBACK.check(address, family(address))) {
      return problem('not_allowed', `${hostname} offers no encryption (STARTTLS).`);
    }
    if (!/^AUTH[ =].*\b(?:PLAIN|LOGIN)\b/im.test(offers)) {
      return problem('not_allowed', `${hostname} does not take a user name and a password.`);
    }
    if (/^AUTH[ =].*\bPLAIN\b/im.test(offers)) {
      await conversation.ask(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, 235);
    } else {
      await conversation.ask('AUTH LOGIN', 334);
      await conversation.ask(base64(username), 334);
      await conversation.ask(base64(password), 235);
    }
    await conversation.ask('QUIT', 221).catch(() => {});
    return { ok: true };
  } catch (error) {
    return problemOf(error, hostname, signal);
  } finally {
    conversation?.end();
  }
}

const PRIVATE = new BlockList();
const LOOPBACK = new BlockList();
// RFC 6890 and its registries: what is not a host on the Internet.
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(net, bits, 'ipv6');
}
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const family = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * The address to connect to, so that what was checked is what gets the password. One private address
 * among several is enough to refuse a name.
 */
async function resolve(hostname: string): Promise<{ address: string; isPrivate: boolean }> {
  const found = await lookup(hostname, { all: true });
  const isPrivate = found.some(({ address }) => PRIVATE.check(address, family(address)));
  return { address: found[0]?.address ?? '', isPrivate };
}

/** An SMTP reply that was not the one wanted. */
class Refused extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`The mail server answered ${status}.`);
    this.status = status;
  }
}

/** One conversation with a mail server: a command, a reply. */
class Conversation {
  #socket: Socket | TLSSocket;
  readonly #hostname: string;
  readonly #signal: AbortSignal;
  #received = '';
  #failure: Error | undefined;
  #wake = () => {};

  constructor(
    address: string,
    port: number,
    hostname: string,
    isTls: boolean,
    signal: AbortSignal,
  ) {
    this.#hostname = hostname;
    this.#signal = signal;
    this.#socket = isTls
      ? connectTls({ host: address, port, ...this.#serverName() })
      : connect({ host: address, port });
    this.#listen();
    signal.addEventListener('abort', () => this.#fail(new Error('aborted')), { once: true });
  }

  /** Goes on under TLS. What came before it in the clear counts for nothing. */
  secure(): void {
    this.#socket.removeAllListeners().on('error', (error) => this.#fail(error));
    this.#received = '';
    this.#socket = connectTls({ socket: this.#socket, ...this.#serverName() });
    this.#listen();
  }

  async ask(command: string, wanted: number): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    return this.reply(wanted);
  }

  /** The text of the next reply, one line for each of its lines. */
  async reply(wanted: number): Promise<string> {
    for (;;) {
      if (this.#signal.aborted) throw new Error('aborted');
      if (this.#failure) throw this.#failure;
      const whole = /^(?:\d{3}-.*\r?\n)*(\d{3})(?: .*)?\r?\n/.exec(this.#received);
      if (whole !== null) {
        this.#received = this.#received.slice(whole[0].length);
        if (Number(whole[1]) !== wanted) throw new Refused(Number(whole[1]));
        return whole[0].replace(/^\d{3}[- ]?/gm, '');
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.#socket.destroy();
  }

  // A certificate is for a name; an address has none to ask for.
  #serverName() {
    return isIP(this.#hostname) === 0 ? { servername: this.#hostname } : {};
  }

  #listen(): void {
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (chunk: string) => {
      this.#received += chunk;
      if (this.#received.length > MAX_REPLY_CHARACTERS) this.#fail(new Error('too long'));
      this.#wake();
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('closed')));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function problem(code: ConnectionProblem, detail: string): ConnectionResult {
  return { ok: false, code, detail };
}

function problemOf(error: unknown, hostname: string, signal: AbortSignal): ConnectionResult {
  if (signal.aborted) return problem('timeout', `${hostname} did not answer in time.`);
  if (error instanceof Refused) {
    const { status, message } = error;
    // RFC 4954: 535 wrong credentials, 534 and 538 another way to sign in is wanted
    if (status === 535) return problem('wrong_credentials', message);
    return problem(status >= 530 && status < 540 ? 'not_allowed' : 'provider_error', message);
  }
  const { code = '' } = error as { code?: string };
  const isCertificate = /CERT|TLS|SIGNATURE|ISSUER/.test(code);
  const why = isCertificate ? 'has no valid certificate' : 'could not be reached';
  return problem('unreachable', `${hostname} ${why}.`);
}
