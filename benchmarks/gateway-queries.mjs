/**
 * Asks a gateway for tasks so many times a second, by the clock, while its parent tells it to, and says how long each answer took and what it has taken itself (ms):
 * `node gateway-queries.mjs port ids requests token`, forked by `gateway.mjs`.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, given, requests, token] = process.argv.slice(2);
const asked = Number(requests);

/** A connection that asks again and again, one request after the other; `ask(path)` resolves when it is answered. One that was idle for long is closed by the server, and made anew. */
function asker() {
  let socket = null;
  let asked = null;
  let answered = null;
  const send = () => socket.write(`GET ${asked} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\n\r\n`);
  const open = () => {
    let text = '';
    const own = connect(port, '127.0.0.1');
    socket = own;
    own.setNoDelay(true).setEncoding('latin1');
    own.on('error', () => {});
    own.on('close', () => {
      if (socket !== own) return;
      socket = null;
      if (asked !== null) {
        open();
        send();
      }
    });
    own.on('data', (more) => {
      text += more;
      const head = text.indexOf('\r\n\r\n');
      if (head === -1) return;
      const whole = head + 4 + Number(/content-length: (\d+)/i.exec(text)[1]);
      if (text.length < whole) return;
      if (!text.startsWith('HTTP/1.1 200')) throw new Error(text.slice(0, 500));
      text = text.slice(whole);
      asked = null;
      answered();
    });
  };
  return (path) =>
    new Promise((resolve) => {
      asked = path;
      answered = resolve;
      if (socket === null) open();
      send();
    });
}

/** In a process of its own: so many requests a second, by the clock, while it is told to. */
function load(ids) {
  const askers = Array.from({ length: 64 }, () => asker());
  // As programs and pages ask: tasks by their ids, pages by state and by tag, the newest ones, counts.
  const one = (place) => `/api/tasks/${ids[place % ids.length]}`;
  const page = (which) => `/api/tasks?${which}&limit=10`;
  const others = [page('state=ready'), page('tag=site:north'), '/api/count?state=ready', page('state=running'), page('desc=true')];
  const paths = others.flatMap((other, place) => [one(place), other]);
  let running = false;
  let due = 0;
  let took = [];
  const askOn = async (ask, place) => {
    for (let turn = place; ; turn++) {
      while (!running) await sleep(5);
      const wait = due - performance.now();
      due += 1_000 / asked;
      if (wait > 1) await sleep(wait);
      const began = performance.now();
      await ask(paths[turn % paths.length]);
      took.push(performance.now() - began);
    }
  };
  for (const [place, each] of askers.entries()) void askOn(each, place);
  process.on('message', (told) => {
    if (told === 'end') process.exit(0);
    running = told === 'go';
    const { user, system } = process.cpuUsage();
    process.send({ took, processor: (user + system) / 1_000 });
    took = [];
    due = performance.now();
  });
  process.send('ready');
}

// It ends when its parent goes, however that ended.
process.once('disconnect', () => process.exit());

load(given.split(','));
