/** Asks a gateway for tasks so many times a second, by the clock, while its parent tells it to: `node gateway-queries.mjs port ids requests token`, forked by `gateway.mjs`. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, given, requests, token] = process.argv.slice(2);
const asked = Number(requests);

/** A connection that asks again and again, one request after the other: `ask(path)` resolves with the length of the answer. */
async function asker() {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true).setEncoding('latin1');
  let text = '';
  let answered = null;
  socket.on('data', (more) => {
    text += more;
    const head = text.indexOf('\r\n\r\n');
    if (head === -1) return;
    const whole = head + 4 + Number(/content-length: (\d+)/i.exec(text)[1]);
    if (text.length < whole) return;
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(text.slice(0, 500));
    text = text.slice(whole);
    answered(whole);
  });
  return {
    ask: (path) =>
      new Promise((resolve) => {
        answered = resolve;
        socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\n\r\n`);
      }),
    close: () => socket.destroy(),
  };
}

/** In a process of its own: so many requests a second, by the clock, while it is told to. */
async function load(ids) {
  const askers = await Promise.all(Array.from({ length: 64 }, () => asker()));
  // As a page that many look at asks: tasks by their ids, pages of tasks in a state, now and then a count.
  const page = '/api/tasks?state=ready&limit=10';
  const one = (place) => `/api/tasks/${ids[place]}`;
  const paths = [one(0), page, one(1), one(2), page, one(0), one(1), page, one(2), '/api/count?state=ready'];
  let running = false;
  let due = 0;
  let count = 0;
  const askOn = async ({ ask }, place) => {
    for (let turn = place; ; turn++) {
      while (!running) await sleep(5);
      const wait = due - performance.now();
      due += 1_000 / asked;
      if (wait > 1) await sleep(wait);
      await ask(paths[turn % paths.length]);
      count++;
    }
  };
  for (const [place, each] of askers.entries()) void askOn(each, place);
  process.on('message', (told) => {
    if (told === 'end') process.exit(0);
    running = told === 'go';
    if (running) {
      count = 0;
      due = performance.now();
    }
    process.send(count);
  });
  process.send('ready');
}

// It ends when its parent goes, however that ended.
process.once('disconnect', () => process.exit());

await load(given.split(','));
