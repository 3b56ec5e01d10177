import { createServer } from 'node:http';

/** A server that speaks Bedrock's Converse (`POST /model/{id}/converse`) and answers as a test says. It shows wire format and pages, never how good a model's advice is. */

export interface Case {
  rule: string;
  evidence: { id: string; name: string; value: string }[];
  passages: { id: string; title: string; text: string }[];
  settings: Record<string, string>;
}

/** What is done with a case: the tool is called with this, or an error of AWS. */
export type Act = { advise: unknown } | { status: number; type: string; message: string } | { slow: number };

export interface Converse {
  url: string;
  asked: Case[];
  close: () => void;
}

export async function converse(act: (of: Case, times: number) => Act): Promise<Converse> {
  const asked: Case[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as { messages: { content: { text: string }[] }[] };
      const of = JSON.parse(body.messages[0]?.content[0]?.text ?? '{}') as Case;
      asked.push(of);
      const what = act(of, asked.filter((a) => a.rule === of.rule).length);
      const send = (status: number, json: unknown, headers = {}) => response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(json));
      if ('slow' in what) return void setTimeout(() => response.destroy(), what.slow);
      if ('status' in what) return send(what.status, { message: what.message }, { 'x-amzn-errortype': what.type });
      send(200, {
        output: { message: { role: 'assistant', content: [{ toolUse: { toolUseId: 't1', name: 'advise', input: what.advise } }] } },
        stopReason: 'tool_use',
        usage: { inputTokens: 1000, outputTokens: 200, totalTokens: 1200 },
        metrics: { latencyMs: 12 },
      });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, asked, close: () => (server.closeAllConnections(), server.close()) };
}
