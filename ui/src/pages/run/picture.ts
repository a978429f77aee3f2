// What a run is drawn from: the layout of its definition, read once, and how its task runs are, as often as that changes.

import { useMemo } from "preact/hooks";

import { type Answer, useAnswer, type Wants } from "../../core/answer.ts";
import type { Layout, LogEvent, States } from "../../core/wire.ts";
import { type Model, modelOf } from "../../graph/model.ts";

/** Events after which task runs of a run may stand otherwise. */
export function concerns(run: number): Wants {
  return (event: LogEvent) => event.run_id === run && /^(task|attempt|run)\./.test(event.type);
}

export interface Picture {
  model: Model;
  states: States;
}

export function usePicture(run: number): Answer<Picture> {
  const layout = useAnswer<Layout>(`/runs/${run}/layout`);
  const states = useAnswer<States>(`/runs/${run}/states`, concerns(run));
  const model = useMemo(() => (layout.data ? modelOf(layout.data) : null), [layout.data]);
  const data = useMemo(
    () => (model && states.data ? { model, states: states.data } : null),
    [model, states.data],
  );
  return { data, problem: layout.problem ?? states.problem, of: states.of, again: states.again };
}
