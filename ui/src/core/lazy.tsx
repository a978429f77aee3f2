// Views that are loaded when they are first looked at, so that the first load stays small.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A component whose code comes with `load`. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, draw] = useState(0);
    const [failed, fail] = useState(false);
    useEffect(() => {
      if (loaded) return;
      load().then((component) => {
        loaded = component;
        draw((count) => count + 1);
      }, () => fail(true));
    }, []);
    if (failed) {
      return (
        <div class="note bad" role="alert">
          <p>A part of the page cannot be loaded. The server may have been replaced: <a href={location.href} target="_self">load it again</a>.</p>
        </div>
      );
    }
    const Loaded = loaded;
    return Loaded ? <Loaded {...props} /> : <p class="loading">Loading …</p>;
  };
}
