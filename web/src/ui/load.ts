// useLoaded: what a page asks the server for, once or again and again; a request that is overtaken or left is cancelled.
import { useEffect, useState } from 'preact/hooks';

export interface Loaded<T> {
  data?: T;
  error?: string;
  reload: () => void;
}

export function useLoaded<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  everyMs = 0,
): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: string }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    const next = () => {
      if (everyMs > 0 && !stop.signal.aborted) timer = setTimeout(run, everyMs);
    };
    const run = () => {
      if (busy || document.hidden) return; // nobody looks: shown() asks
      busy = true;
      ask(stop.signal)
        .then(
          (data) => {
            if (!stop.signal.aborted) setState({ data });
          },
          (error: unknown) => {
            if (!stop.signal.aborted)
              setState((before) => ({ ...before, error: String((error as Error).message ?? error) }));
          },
        )
        .finally(() => {
          busy = false;
          next();
        });
    };
    const shown = () => {
      if (!document.hidden) {
        clearTimeout(timer);
        run();
      }
    };
    document.addEventListener('visibilitychange', shown);
    run();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [...inputs, round, everyMs]);
  return { ...state, reload: () => setRound((before) => before + 1) };
}
