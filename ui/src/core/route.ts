// The address: every view has one, and the browser's buttons work. `as_of` travels along from view to view.

import { computed, signal } from "@preact/signals";

/** What the address bar says. */
export const address = signal(read());

/** Segments of the path behind `/ui`. */
export const segments = computed(() =>
  address.value.path.replace(/^\/ui/, "").split("/").filter((part) => part !== "").map(decode),
);

/** Parameters of the address. */
export const query = computed(() => new URLSearchParams(address.value.search));

/** The moment of the past that is looked at: a sequence number or an instant; `null`: now. */
export const asOf = computed(() => query.value.get("as_of"));

function read(): { path: string; search: string } {
  return { path: location.pathname, search: location.search };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a view: segments and parameters, those that are null or empty left out. */
export function to(path: string, params: Record<string, string | number | null | undefined> = {}): string {
  const search = new URLSearchParams();
  const moment = "as_of" in params ? params.as_of : asOf.value;
  for (const [name, value] of Object.entries({ ...params, as_of: moment })) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return path + (text ? `?${text}` : "");
}

/** Goes to an address within the page. */
export function go(href: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", href);
  else history.replaceState(null, "", href);
  const before = address.value.path;
  address.value = read();
  if (address.value.path !== before) scrollTo(0, 0);
}

/** The same view with other parameters. */
export function withQuery(changes: Record<string, string | number | null>): string {
  const params = { ...Object.fromEntries(query.value), ...changes };
  return to(address.value.path, params);
}

/** Follows links within the page without loading it again. */
export function followLinks(): void {
  addEventListener("popstate", () => (address.value = read()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    const isOurs = link instanceof HTMLAnchorElement && link.origin === location.origin;
    if (!isOurs || link.target !== "" || link.hasAttribute("download")) return;
    if (link.pathname !== "/" && !link.pathname.startsWith("/ui")) return;
    if (link.hash !== "" && link.pathname === location.pathname && link.search === location.search) return;
    event.preventDefault();
    go(link.href);
  });
}
