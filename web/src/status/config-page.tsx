// The running configuration, with secrets left out by the server.
import { useState } from 'preact/hooks';
import { get } from '../api';
import { t } from '../text';
import { useLoaded } from '../ui/load';
import { Loading, Note } from '../ui/parts';

export default function ConfigPage() {
  const { data, error } = useLoaded((signal) => get<{ yaml: string }>('status/config', signal), []);
  const [copied, setCopied] = useState(false);
  if (!data) return error ? <Note kind="bad">{error}</Note> : <Loading />;
  const copy = () => {
    void navigator.clipboard.writeText(data.data.yaml).then(() => setCopied(true));
  };
  return (
    <>
      <p>
        <button onClick={copy}>{t(copied ? 'copied' : 'copy')}</button>
      </p>
      <pre class="block" tabIndex={0}>
        {data.data.yaml}
      </pre>
    </>
  );
}
