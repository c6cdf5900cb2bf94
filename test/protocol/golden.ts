/** Every message of the protocol with its literal bytes: what stands here is on the wire of released versions and must not change. */
import type { Message } from '../../src/protocol/messages.ts';

export interface Golden {
  readonly message: Message;
  /** The whole frame around this one message, in hex. */
  readonly hex: string;
}

export const golden: readonly Golden[] = [
  {
    message: ['welcome', { id: 's', host: 'h', epoch: 3, salt: '0123456789', heartrate: 10000, evictAfter: 60000 }],
    hex: 'd382a17401a164dd0000000192a777656c636f6d6586a26964a173a4686f7374a168a565706f636803a473616c74aa30313233343536373839a9686561727472617465cd2710aa65766963744166746572cdea60',
  },
  {
    message: ['heartbeat'],
    hex: '9682a17401a164dd0000000191a9686561727462656174',
  },
  {
    message: ['end', 'complete'],
    hex: '9982a17401a164dd0000000192a3656e64a8636f6d706c657465',
  },
  {
    message: ['bye'],
    hex: '9082a17401a164dd0000000191a3627965',
  },
  {
    message: ['resume', [[12884901889, [0, 4, 9, 9]]]],
    hex: 'a382a17401a164dd0000000192a6726573756d659192cb42080000000800009400040909',
  },
  {
    message: ['resumed', [[12884901889, [9, 9]]]],
    hex: 'a282a17401a164dd0000000192a7726573756d65649192cb4208000000080000920909',
  },
  {
    message: ['want', 7, 250, 2],
    hex: '9582a17401a164dd0000000194a477616e7407ccfa02',
  },
  {
    message: ['work', 12884901889, 1, [[1, 1700000000000, [0, 'echo hi', null, { cores: 1, tags: { a: 'b' } }]]]],
    hex: 'c482a17401a164dd0000000194a4776f726bcb420800000008000001919301cb4278bcfe568000009400a76563686f206869c082a5636f72657301a47461677381a161a162',
  },
  {
    message: ['started', 12884901889, [0, 0]],
    hex: 'a082a17401a164dd0000000193a773746172746564cb4208000000080000920000',
  },
  {
    message: [
      'progress',
      [
        [
          12884901889,
          [
            [7, '{"done":0.5}'],
            [8, new Uint8Array([1, 2])],
          ],
        ],
      ],
    ],
    hex: 'b682a17401a164dd0000000192a870726f67726573739192cb4208000000080000929207ac7b22646f6e65223a302e357d9208c4020102',
  },
  {
    message: ['results', 1, [[12884901889, [[0, 1, 0, 1700000000001, 12.5, 0, { stdout: 'hi\n' }]]]]],
    hex: 'c482a17401a164dd0000000193a7726573756c7473019192cb42080000000800009197000100cb4278bcfe56801000cb40290000000000000081a67374646f7574a368690a',
  },
  {
    message: ['ack', 1],
    hex: '9182a17401a164dd0000000192a361636b01',
  },
  {
    message: ['recall', 3],
    hex: '9482a17401a164dd0000000192a6726563616c6c03',
  },
  {
    message: ['back', [[12884901889, [1, 3]]]],
    hex: '9f82a17401a164dd0000000192a46261636b9192cb4208000000080000920103',
  },
  {
    message: ['cancel', [[12884901889, [2, 2]]]],
    hex: 'a182a17401a164dd0000000192a663616e63656c9192cb4208000000080000920202',
  },
  {
    message: ['drain'],
    hex: '9282a17401a164dd0000000191a5647261696e',
  },
  {
    message: ['submit', 'u', 1, [[1, 'file:///m.js#f', new Uint8Array([1, 2, 255]), null]], true],
    hex: 'af82a17401a164dd0000000195a67375626d6974a17501919401ae66696c653a2f2f2f6d2e6a732366c4030102ffc0c3',
  },
  {
    message: ['submitted', 'u', 1, { first: 1, submittedAt: 1700000000000, count: 1, duplicates: [[0, 5]], rejected: 0 }],
    hex: 'd682a17401a164dd0000000194a97375626d6974746564a1750185a5666972737401ab7375626d69747465644174cb4278bcfe56800000a5636f756e7401aa6475706c69636174657391920005a872656a656374656400',
  },
  {
    message: ['submitter-done', 'u'],
    hex: '9d82a17401a164dd0000000192ae7375626d69747465722d646f6e65a175',
  },
  {
    message: ['submitter-open', 'u'],
    hex: '9d82a17401a164dd0000000192ae7375626d69747465722d6f70656ea175',
  },
  {
    message: ['?', 1, 'progress', null],
    hex: '9982a17401a164dd0000000194a13f01a870726f6772657373c0',
  },
  {
    message: ['=', 1, { ready: 2 }],
    hex: '9782a17401a164dd0000000193a13d0181a5726561647902',
  },
  {
    message: ['!', 1, { code: 'ERR_NOT_FOUND', message: 'no task', details: {}, cause: null }],
    hex: 'c382a17401a164dd0000000193a1210184a4636f6465ad4552525f4e4f545f464f554e44a76d657373616765a76e6f207461736ba764657461696c7380a56361757365c0',
  },
  {
    message: ['event', 'completed', [1, -1, 0.5, true]],
    hex: 'a982a17401a164dd0000000193a56576656e74a9636f6d706c657465649401ffcb3fe0000000000000c3',
  },
];
