/** A `PyroDaemon` in a process of its own, for the benchmark of Pyro's wire: prints the URI of its object, and ends with its standard input. */
import { PyroDaemon } from '../dist/remote/index.js';

class Adder {
  add(a, b) {
    return a + b;
  }
  *count(to) {
    for (let i = 0; i < to; i++) yield i;
  }
}

const daemon = await PyroDaemon.new({ host: '127.0.0.1' });
console.log(daemon.register(new Adder(), 'adder'));
process.stdin.resume().once('end', () => daemon.stop());
