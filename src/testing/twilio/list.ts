import { TwilioRefusal } from './refusal.ts';

const MAX_PAGE_SIZE = 1000;
const DEFAULT_PAGE_SIZE = 50;

/** Query parameters that filter, with the field they compare. Others are ignored. */
const FILTERS = [
  ['To', 'to'],
  ['From', 'from'],
  ['Status', 'status'],
  ['PhoneNumber', 'phone_number'],
] as const;

/**
 * One page of a list, as the 2010 API gives it.
 *
 * @param key - the name of the list in the answer
 * @param resources - all of them, in the order they are listed
 * @throws TwilioRefusal when `PageSize` is over 1,000
 * @internal
 */
export function listPage(
  path: string,
  query: URLSearchParams,
  key: string,
  resources: readonly Record<string, unknown>[],
): Record<string, unknown> {
  const matching = resources.filter((resource) =>
    FILTERS.every(([name, field]) => !query.has(name) || query.get(name) === resource[field]),
  );
  const size = wholeNumber(query.get('PageSize')) || DEFAULT_PAGE_SIZE;
  if (size > MAX_PAGE_SIZE) throw new TwilioRefusal(400, 20007, 'Page size too large');
  const page = wholeNumber(query.get('Page'));
  const start = page * size;
  const shown = matching.slice(start, start + size);

  const uriOf = (number: number): string => {
    const parameters = new URLSearchParams(query);
    parameters.set('PageSize', String(size));
    parameters.set('Page', String(number));
    return `${path}?${parameters}`;
  };
  return {
    [key]: shown,
    page,
    page_size: size,
    start,
    end: Math.max(start + shown.length - 1, start),
    uri: uriOf(page),
    first_page_uri: uriOf(0),
    next_page_uri: start + size < matching.length ? uriOf(page + 1) : null,
    previous_page_uri: page > 0 ? uriOf(page - 1) : null,
  };
}

function wholeNumber(text: string | null): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
