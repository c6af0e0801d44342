/** An answer with an error status. `message` is shown to the user. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  /** Messages for single fields of a form. */
  readonly fields: Readonly<Record<string, string | undefined>>;

  constructor(
    status: number,
    code: string,
    message: string,
    fields: Readonly<Record<string, string | undefined>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

export const notFound = (what: string) =>
  new HttpError(404, 'NOT_FOUND', `There is no such ${what}.`);
