import type { VerificationReport } from 'provider-vault';
import type { OpenKeys } from '../open-keys.ts';
import { count } from '../output.ts';
import { broken, needsRotation, unboundOf } from '../verification.ts';
import { type Check, fail, pass, warn } from './check.ts';

/** What opening every record has shown. */
export function checkRecords(report: VerificationReport, keys: OpenKeys): Check[] {
  return [
    checkOpening(report),
    checkKeyUse(report, keys),
    checkBinding(report),
    checkSeals(report),
  ];
}

function checkOpening(report: VerificationReport): Check {
  const { unknownKey, tampered, malformed, foreign } = report;
  const details = { unknownKey, tampered, malformed, foreign, history: broken(report.history) };
  const all = count(report.scanned, 'record');
  const kinds = Object.entries({
    'of an unknown key': unknownKey,
    altered: tampered,
    malformed,
    'of another address': foreign,
    'in the history': details.history,
  }).filter(([, n]) => n > 0);
  if (kinds.length === 0) return pass('records', `${all}, all of them open`);
  return fail(
    'records',
    `of ${all} these cannot be opened: ${kinds.map(([kind, n]) => `${n} ${kind}`).join(', ')}`,
    '`provider-vault verify` lists them. Add an unknown key to APP_DECRYPTION_KEYS. Treat altered records, and records of another address, as an attack until you know better.',
    details,
  );
}

function checkKeyUse(report: VerificationReport, keys: OpenKeys): Check {
  const perKey = Object.fromEntries(
    Object.entries(report.keys).map(([id, counts]) => [
      id,
      Object.values(counts).reduce((sum, n) => sum + n, 0),
    ]),
  );
  const text =
    Object.entries(perKey)
      .map(([id, n]) => `${id}: ${count(n, 'record')}`)
      .join(', ') || 'no records';
  if (!needsRotation(report, keys)) return pass('keys in use', text, perKey);
  const todo = `\`provider-vault rotate\` seals everything with ${keys.sealer}.`;
  return warn('keys in use', text, todo, perKey);
}

function checkBinding(report: VerificationReport): Check {
  if (report.safeToRefuseUnbound) {
    return pass('unbound', `none: it is safe to set unbound: 'refuse'`);
  }
  if (report.unbound + report.history.unbound === 0) {
    const text = 'none among the records that open';
    return warn('unbound', text, "Only set unbound: 'refuse' once every record opens.");
  }
  return warn(
    'unbound',
    `${unboundOf(report)} of the old system, bound to no tenant`,
    "`provider-vault rotate` binds them; only then set unbound: 'refuse'.",
  );
}

// NIST SP 800-38D §8.3: at most 2^32 seals of one key with random IVs [K5].
const LIMIT = 2 ** 32;
const SOON = 2 ** 30;

/** How much of each key's life is used, as far as the revisions of its records tell. */
function checkSeals({ seals }: VerificationReport): Check {
  const named = Object.entries(seals).filter(([id]) => id !== 'none'); // the old system's
  const [id, most] = named.reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
  if (id === '') return pass('seals', 'no key has sealed anything yet');
  const text = `key ${id} has sealed about ${count(most, 'time')}, of at most 2^32`;
  if (most >= LIMIT) return fail('seals', text, 'Rotate to a new key now.', seals);
  if (most >= SOON) return warn('seals', text, 'Rotate to a new key soon.', seals);
  return pass('seals', text, seals);
}
