// useQuery: one panel's question and its answer, with what to tell about it.
import { useEffect, useState } from 'preact/hooks';
import { queryInstant, queryRange, type QueryData } from '../api';
import { stepOf, type PanelState } from './url';

export interface Result {
  data: QueryData;
  tab: PanelState['tab'];
  start: number;
  end: number;
  step: number; // of the graph
  tookMs: number;
  warnings: string[];
}

export interface Asked {
  busy: boolean;
  result?: Result;
  error?: string;
}

async function ask(panel: PanelState, signal: AbortSignal): Promise<Result> {
  const step = stepOf(panel);
  const end = panel.end ?? Date.now() / 1000;
  const start = end - Math.floor(panel.range / step) * step; // so that the end, the newest, is a step
  const began = performance.now();
  const answer =
    panel.tab === 'graph'
      ? await queryRange(panel.expr, start, end, step, signal)
      : await queryInstant(panel.expr, panel.end ?? undefined, signal);
  return {
    data: answer.data,
    tab: panel.tab,
    start,
    end,
    step,
    tookMs: performance.now() - began,
    warnings: [...(answer.warnings ?? []), ...(answer.infos ?? [])],
  };
}

// Asks again when the question changes, or `round` does.
export function useQuery(panel: PanelState, round: number): Asked {
  const [asked, setAsked] = useState<Asked>({ busy: false });
  const question = JSON.stringify([
    panel.expr,
    panel.tab,
    panel.end,
    panel.tab === 'graph' ? [panel.range, stepOf(panel)] : 0,
  ]);
  useEffect(() => {
    if (panel.expr === '') {
      setAsked({ busy: false });
      return undefined;
    }
    const stop = new AbortController();
    // Shown once it takes long enough to wonder.
    const wonder = setTimeout(() => setAsked((before) => ({ ...before, busy: true })), 150);
    ask(panel, stop.signal)
      .then(
        (result) => setAsked({ busy: false, result }),
        (error: unknown) => {
          if (!stop.signal.aborted) setAsked({ busy: false, error: String((error as Error).message ?? error) });
        },
      )
      .finally(() => clearTimeout(wonder));
    return () => {
      stop.abort();
      clearTimeout(wonder);
    };
  }, [question, round]);
  return asked;
}
