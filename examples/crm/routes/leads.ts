import { Router } from 'express';
import type { Leads } from '../data/leads.ts';
import { emailOf, phoneOf, textOf } from '../http/input.ts';
import { sessionOf } from '../http/sessions.ts';

export function leadRoutes(leads: Leads): Router {
  const router = Router();

  router.get('/', async (_request, response) => {
    response.json({ leads: await leads.list(sessionOf(response).tenantId) });
  });

  router.post('/', async ({ body }, response) => {
    const lead = {
      name: textOf(body, 'name'),
      phone: phoneOf(body, 'phone'),
      email: emailOf(body, 'email'),
    };
    response.status(201).json(await leads.add(sessionOf(response).tenantId, lead));
  });

  return router;
}
