import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDirective } from '../../src/task/directive.ts';

describe('a directive', () => {
  it('is taken off the line with the blanks before it', () => {
    expect(readDirective('gzip big.dat   # MILLRACE: cores:2 memory:4GB timeout:90 group:1 site:north urgent')).toEqual({
      line: 'gzip big.dat',
      attributes: { cores: 2, memory: 4 * 1024 ** 3, timeout: 90_000, group: 1, tags: { site: 'north', urgent: '' } },
    });
  });

  it('knows every option that a word can say', () => {
    const id = '0190a0b0-0000-7000-8000-000000000001';
    expect(readDirective(`x # MILLRACE: priority:-3 maxRetries:2 id:${id} key:a/b startAfter:5m cores:0.5`)?.attributes).toEqual({
      priority: -3,
      maxRetries: 2,
      id,
      key: 'a/b',
      startDelay: 300_000,
      cores: 0.5,
    });
  });

  it('says how long to wait before a retry', () => {
    expect(readDirective('x # MILLRACE: maxRetries:3 backoff:10s')?.attributes).toMatchObject({
      maxRetries: 3,
      backoff: { delay: 10_000, factor: 2 },
    });
  });

  it.each([
    ['Cores:2', 'cores'],
    ['maxretries:3', 'maxRetries'],
    ['STARTAFTER:5m', 'startAfter'],
    ['Timeout', 'timeout'],
  ])('takes %s for a slip, not for a tag', (word, meant) => {
    expect(() => readDirective(`x # MILLRACE: site:north ${word}`)).toThrow(
      expect.objectContaining({
        code: 'ERR_DIRECTIVE',
        message: expect.stringContaining(`write '${meant}'`),
        details: expect.objectContaining({ column: 26 }),
      }),
    );
  });

  it('leaves such words to be tags under its old name', () => {
    expect(readDirective('x # HYPERSHELL: Cores:2')?.attributes).toEqual({ tags: { Cores: '2' } });
  });

  it('never guesses the value of a tag into another type', () => {
    expect(readDirective('x # MILLRACE: day:20240101 n:1e5 b:true z:null p:007')?.attributes).toEqual({
      tags: { day: '20240101', n: '1e5', b: 'true', z: 'null', p: '007' },
    });
  });

  it('is read under its old name too, where only the four old options are options', () => {
    expect(readDirective('x # HYPERSHELL: cores:2 id:sample7 priority:high')?.attributes).toEqual({
      cores: 2,
      tags: { id: 'sample7', priority: 'high' },
    });
  });

  it('may stand alone, be empty, and be written without blanks', () => {
    expect(readDirective('# MILLRACE: group:2')).toEqual({ line: '', attributes: { group: 2 } });
    expect(readDirective('ls #MILLRACE:')).toEqual({ line: 'ls', attributes: null });
    expect(readDirective('ls;# MILLRACE: a')).toEqual({ line: 'ls;', attributes: { tags: { a: '' } } });
  });

  it.each([
    'echo "a # MILLRACE: cores:2"',
    "echo 'a # MILLRACE: cores:2'",
    'echo "a \\" # MILLRACE: cores:2"',
    "echo $'it\\'s # MILLRACE: cores:2'",
    'echo \\# MILLRACE: cores:2',
    'echo \\ # MILLRACE: cores:2'.replace('\\ #', '\\ \\#'),
    'echo a# MILLRACE: cores:2',
    'echo "$(echo " # MILLRACE: cores:2 ")"',
    `echo \${x:- # MILLRACE: cores:2 }`,
    'echo `ls # MILLRACE: cores:2` b',
    "cat <<'END'\nI don't\n # MILLRACE: cores:2\nEND",
    'cat <<END\n# MILLRACE: cores:2\nEND',
    'ls # see # MILLRACE: cores:2',
    'ls # MILLRACE cores:2',
    'ls # millrace: cores:2',
    'ls # MILLRACERS: cores:2',
    'ls # a comment',
    'echo "open # MILLRACE: cores:2',
    `echo 20#5 $# \${#x} $((16#ff))`,
  ])('is not seen in %j', (line) => {
    expect(readDirective(line)).toBeNull();
  });

  it.each([
    ['echo "it\'s" # MILLRACE: a', 'echo "it\'s"'],
    ["echo 'a \\' # MILLRACE: a", "echo 'a \\'"],
    ['echo a\\   # MILLRACE: a', 'echo a\\ '],
    ['echo "$(date "+%s")" # MILLRACE: a', 'echo "$(date "+%s")"'],
    ['echo $(( 1 + (2 * 3) )) # MILLRACE: a', 'echo $(( 1 + (2 * 3) ))'],
    ['echo `date` # MILLRACE: a', 'echo `date`'],
    ['cat <<< "x" # MILLRACE: a', 'cat <<< "x"'],
    ['cat <<END # MILLRACE: a\nbody\nEND', 'cat <<END\nbody\nEND'],
    ['for i in 1 2; do\n  echo $i # MILLRACE: a\ndone', 'for i in 1 2; do\n  echo $i\ndone'],
    ['echo $$ $# # MILLRACE: a', 'echo $$ $#'],
  ])('is seen in %j', (line, rest) => {
    expect(readDirective(line)).toEqual({ line: rest, attributes: { tags: { a: '' } } });
  });

  it.each([
    ['x # MILLRACE: cores:two', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: cores', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: a group:-1', 'ERR_DIRECTIVE', 17],
    ['x # MILLRACE: group:1.5', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: group:0x1', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: memory:lots', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: timeout:0', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: id:7', 'ERR_DIRECTIVE', 15],
    ['x # MILLRACE: a:1 a:2', 'ERR_DIRECTIVE', 19],
    ['x # MILLRACE: group:1 group:2', 'ERR_DIRECTIVE', 23],
    ['x # MILLRACE: a:b/c', 'ERR_TAG', 15],
    ['x # MILLRACE: __proto__:1', 'ERR_TAG', 15],
  ])('%j is refused with %s at column %d', (line, code, column) => {
    expect(() => readDirective(line)).toThrow(expect.objectContaining({ code, details: expect.objectContaining({ column }) }));
  });

  it('changes nothing in a line that does not hold its name, whatever else stands there', () => {
    const shellish = fc.string({ unit: fc.constantFrom(...'# \t\n\\\'"`{$}()<>;|&:abMILRACE') });
    fc.assert(
      fc.property(shellish, (line) => {
        fc.pre(!/#[ \t]*MILLRACE:/.test(line));
        expect(readDirective(line)).toBeNull();
      }),
    );
  });

  it('is found behind any word that the shell would read as one word, and leaves that word as it is', () => {
    const quoted = fc.oneof(
      fc.stringMatching(/^[a-z0-9#]{1,8}$/).map((text) => `a${text}`),
      fc.string().map((text) => `'${text.replaceAll("'", `'\\''`)}'`),
      fc.string().map((text) => `"${text.replace(/["\\$`]/g, '\\$&')}"`),
    );
    fc.assert(
      fc.property(fc.array(quoted, { minLength: 1, maxLength: 5 }), (words) => {
        const line = words.join(' ');
        expect(readDirective(`${line} # MILLRACE: k:v`)).toEqual({ line, attributes: { tags: { k: 'v' } } });
      }),
    );
  });

  it('is never found inside of quotes', () => {
    const inside = fc.string().map((text) => `${text} # MILLRACE: k:v`);
    fc.assert(
      fc.property(inside, (text) => {
        expect(readDirective(`echo '${text.replaceAll("'", '')}'`)).toBeNull();
        expect(readDirective(`echo "${text.replace(/["\\$`]/g, '\\$&')}"`)).toBeNull();
      }),
    );
  });
});
