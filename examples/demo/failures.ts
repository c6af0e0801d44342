import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import express, { Router } from 'express';
import type { FakeSendGrid, FakeTwilio, StandInFailure } from 'provider-vault/testing';
import { PUBLIC_FOLDER } from '../crm/app.ts';

type Failures = Readonly<Record<string, StandInFailure | undefined>>;

/** What the switch in the page offers: how a provider answers, until it is told otherwise. */
const COMMON: Failures = {
  works: undefined,
  'wrong key': { status: 401 },
  slow: { delayMs: 5_000 },
  down: { drop: true },
  'too many requests': { status: 429, headers: { 'retry-after': '30' } },
};
const FAILURES: Readonly<Record<'twilio' | 'sendgrid', Failures>> = {
  twilio: { ...COMMON, suspended: { status: 403, code: 20005, message: 'Account not active' } },
  sendgrid: { ...COMMON, suspended: { status: 403, message: 'Your account is suspended' } },
};

/** A switch in every page of the demo, which makes the stand-ins of the providers fail. */
export function failureSwitch(standIns: {
  readonly twilio: FakeTwilio;
  readonly sendgrid: FakeSendGrid;
}): Router {
  const router = Router();
  const chosen = { twilio: 'works', sendgrid: 'works' };
  const state = () =>
    Object.entries(FAILURES).map(([provider, failures]) => ({
      provider,
      chosen: chosen[provider as keyof typeof chosen],
      choices: Object.keys(failures),
    }));

  router.get('/', async (_request, response) => {
    const page = await readFile(join(PUBLIC_FOLDER, 'index.html'), 'utf8');
    const parts =
      '<link rel="stylesheet" href="demo/switch.css" />' +
      '<script type="module" src="demo/switch.js"></script>';
    response.type('html').send(page.replace('</head>', `${parts}</head>`));
  });
  router.use('/demo', express.static(join(import.meta.dirname, 'public')));
  router.get('/demo/failures', (_request, response) => void response.json(state()));
  // { provider, failure }. As JSON only: another site cannot send that without being asked.
  router.post('/demo/failures', express.json(), (request, response) => {
    const { provider, failure } = (request.body ?? {}) as { provider?: unknown; failure?: unknown };
    if (
      (provider !== 'twilio' && provider !== 'sendgrid') ||
      typeof failure !== 'string' ||
      !Object.hasOwn(FAILURES[provider], failure)
    ) {
      response.status(400).end();
      return;
    }
    chosen[provider] = failure;
    const standIn = standIns[provider];
    const planned = FAILURES[provider][failure];
    standIn.clear();
    if (planned) standIn.failNext({ ...planned, times: Number.MAX_SAFE_INTEGER });
    response.json(state());
  });
  return router;
}
