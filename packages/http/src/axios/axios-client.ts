/**
 * axios client: what of axios is used here, by its shape.
 *
 * @module
 */

/** The configuration of a request, as far as it matters here. */
export interface AxiosConfig {
  readonly url?: string | undefined;
  readonly method?: string | undefined;
  readonly headers?: any;
  readonly data?: any;
  readonly signal?: any;
  readonly beforeRedirect?: ((options: Record<string, any>, ...rest: any[]) => void) | undefined;
}

/** An instance of axios, whose requests are told `C`. */
export interface AxiosClient<C> {
  readonly defaults: { readonly method?: string };
  request(config: C): Promise<any>;
  getUri(config?: C): string;
}

/** What axios answers. */
export interface AxiosAnswer<T> {
  readonly data: T;
  readonly status: number;
  readonly statusText: string;
  readonly headers: any;
  readonly config: any;
  readonly request?: any;
}

/** The origin of what axios calls; the URL itself where it has none. */
export function axiosOrigin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

/** A copy of headers in any of the forms that axios takes. */
export function plainAxiosHeaders(headers: unknown): Record<string, unknown> {
  const { toJSON } = Object(headers) as { toJSON?: unknown };
  return { ...(typeof toJSON === 'function' ? (toJSON.call(headers) as object) : (headers as object | undefined)) };
}
