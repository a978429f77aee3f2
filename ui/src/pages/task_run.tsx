// The address of a task run leads to its run.

import { useEffect } from "preact/hooks";

import { useAnswer } from "../core/answer.ts";
import { go, to } from "../core/route.ts";
import type { TaskRun } from "../core/wire.ts";
import { Shown } from "../parts/basics.tsx";

export function TaskRunView({ id }: { id: number }) {
  const answer = useAnswer<TaskRun>(`/task-runs/${id}`);
  const run = answer.data?.run_id;
  useEffect(() => {
    if (run !== undefined) go(to(`/ui/runs/${run}/logs`, { task: id }), "replace");
  }, [run]);
  return <Shown answer={answer}>{() => null}</Shown>;
}
