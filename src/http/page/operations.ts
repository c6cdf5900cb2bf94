/** The page and what belongs to it, as they are sent. They hold no data, so anybody may have them; nothing is loaded from elsewhere, and no script stands in the page. */
import type { Operation, Reply } from '../gateway/operation.ts';
import { baseScript } from './base-script.ts';
import { clientsScript } from './clients-script.ts';
import { drawingScript } from './drawing-script.ts';
import { graphScript } from './graph-script.ts';
import { html } from './html.ts';
import { mainScript } from './main-script.ts';
import { sessionScript } from './session-script.ts';
import { sessionsScript } from './sessions-script.ts';
import { style } from './style.ts';
import { tasksScript } from './tasks-script.ts';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function file(id: string, path: string, type: string, body: string): Operation {
  const reply: Reply = {
    status: 200,
    type,
    body,
    headers: {
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cache-control': 'no-cache',
    },
  };
  return {
    id,
    method: 'get',
    path,
    summary: 'A part of the page',
    open: true,
    answer: { status: 200, type, description: 'The file', schema: { type: 'string' } },
    run: () => reply,
  };
}

const script = (name: string, text: string): Operation =>
  file(`get${name[0]!.toUpperCase()}${name.slice(1)}Script`, `/assets/${name}.js`, 'text/javascript; charset=utf-8', text);

/** The page first. */
export const pageOperations: readonly [Operation, ...Operation[]] = [
  file('getPage', '/', 'text/html; charset=utf-8', html),
  file('getStyle', '/assets/page.css', 'text/css; charset=utf-8', style),
  script('base', baseScript),
  script('main', mainScript),
  script('tasks', tasksScript),
  script('clients', clientsScript),
  script('sessions', sessionsScript),
  script('session', sessionScript),
  script('graph', graphScript),
  script('drawing', drawingScript),
];
